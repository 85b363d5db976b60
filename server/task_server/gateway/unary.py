"""Answers of RPCs with one response."""

from __future__ import annotations

import asyncio

import grpc
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from task_server.gateway.backend import Backend, Call
from task_server.gateway.errors import HTTP_STATUS, rpc_status
from task_server.gateway.exchange import Exchange
from task_server.gateway.health import HEALTH_ROUTE, health_failure
from task_server.gateway.json_writer import UnprintableError
from task_server.gateway.metadata import answered_request_id, response_headers
from task_server.gateway.routes import Route
from task_server.gateway.transcode import JSON, Transcoder

# To the letter what the official gateway answers where an error's details have no JSON form.
_UNPRINTABLE = b'{"code": 13, "message": "failed to marshal error message"}'


async def answer(exchange: Exchange, route: Route, call: Call, backend: Backend, transcoder: Transcoder) -> None:
    """Waits for a call and answers with its response or its error. If the caller hangs up, the call is cancelled at once."""
    hangup = asyncio.create_task(exchange.gone())
    hangup.add_done_callback(lambda _: call.cancel())
    try:
        response = await call
        metadata = await call.initial_metadata()
    except grpc.aio.AioRpcError as error:
        metadata = error.initial_metadata()
        failure: Status | None = rpc_status(error, connected=backend.connected)
    except asyncio.CancelledError:
        if hangup.done() and not hangup.cancelled():
            return
        raise
    else:
        failure = health_failure(response) if route is HEALTH_ROUTE else None
    finally:
        hangup.cancel()
    headers = response_headers(metadata)
    exchange.request_id = exchange.request_id and (answered_request_id(metadata) or exchange.request_id)
    if failure is None:
        try:
            content_type, body = transcoder.response(route, response)
        except UnprintableError as error:
            failure = Status(code=code_pb2.UNKNOWN, message=str(error))
        else:
            await exchange.respond(200, [("content-type", content_type), *headers], body)
            return
    await respond_error(exchange, failure, transcoder, headers)


async def respond_error(
    exchange: Exchange,
    failure: Status,
    transcoder: Transcoder,
    headers: list[tuple[str, str]],
    http_status: int | None = None,
) -> None:
    """Answers with a Status as the body; `http_status` None means the one of its code."""
    try:
        body = transcoder.writer.dump(failure)
    except UnprintableError:
        await exchange.respond(500, [("content-type", JSON)], _UNPRINTABLE)
        return
    if http_status is None:
        http_status = HTTP_STATUS.get(failure.code, 500)
    if failure.code == code_pb2.UNAUTHENTICATED:
        headers = [*headers, ("www-authenticate", failure.message)]
    await exchange.respond(http_status, [("content-type", JSON), *headers], body)
