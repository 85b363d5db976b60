"""Answers of RPCs that stream: one line of JSON for each message, `{"result": …}`, and for an error after them `{"error": …}`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from task_server.gateway.backend import Backend, Call
from task_server.gateway.errors import HTTP_STATUS, error_line, rpc_status, shutting_down
from task_server.gateway.exchange import Exchange
from task_server.gateway.json_writer import UnprintableError
from task_server.gateway.metadata import answered_request_id, response_headers
from task_server.gateway.routes import Route
from task_server.gateway.transcode import JSON, Transcoder


async def answer(
    exchange: Exchange,
    route: Route,
    call: Call,
    backend: Backend,
    transcoder: Transcoder,
    draining: Callable[[], bool],
) -> None:
    """Passes on the messages of a call as they come. If the caller hangs up, the call is cancelled at once.

    Args:
        exchange: the request.
        route: its route.
        call: the call, begun.
        backend: to tell whether the server is away.
        transcoder: prints the messages.
        draining: whether the gateway is shutting down, and cancelled the call therefore.
    """
    hangup = asyncio.create_task(exchange.gone())
    hangup.add_done_callback(lambda _: call.cancel())
    headers: list[tuple[str, str]] = []
    try:
        metadata = await call.initial_metadata()
        headers = response_headers(metadata)
        exchange.request_id = exchange.request_id and (answered_request_id(metadata) or exchange.request_id)
        while (message := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            content_type, line = transcoder.result_line(route, message)
            if not exchange.started:
                await exchange.start(200, [("content-type", content_type), *headers])
            await exchange.write(line)
        failure: Status | None = None
    except grpc.aio.AioRpcError as error:
        failure = rpc_status(error, connected=backend.connected)
    except UnprintableError as error:
        failure = Status(code=code_pb2.UNKNOWN, message=str(error))
    except asyncio.CancelledError:
        if hangup.done() and not hangup.cancelled():
            return
        if not draining():
            raise
        failure = shutting_down()
    finally:
        hangup.cancel()
        call.cancel()
    await _end(exchange, failure, transcoder, headers)


async def _end(
    exchange: Exchange, failure: Status | None, transcoder: Transcoder, headers: list[tuple[str, str]]
) -> None:
    if failure is None:
        if not exchange.started:
            await exchange.start(200, headers)
        await exchange.finish()
        return
    if not exchange.started:
        await exchange.start(HTTP_STATUS.get(failure.code, 500), [("content-type", JSON), *headers])
    await exchange.finish(error_line(failure, transcoder.writer))
