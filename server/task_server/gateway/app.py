"""The gateway as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import unquote_to_bytes

from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from task_server.gateway import stream, unary
from task_server.gateway.backend import Backend, Call
from task_server.gateway.bodies import Bodies
from task_server.gateway.errors import GatewayError, invalid_request, shutting_down, status
from task_server.gateway.exchange import BodyTooLargeError, CallerGoneError, Exchange, has_bad_escape
from task_server.gateway.health import HEALTH_ROUTE
from task_server.gateway.metadata import REQUEST_ID, Metadata, caller_request_id, request_metadata, request_timeout
from task_server.gateway.options import GatewayOptions
from task_server.gateway.router import Match, Router
from task_server.gateway.routes import Route, load_routes
from task_server.gateway.transcode import Transcoder
from task_server.tls.server_trust import ServerTrust

_log = logging.getLogger(__name__)


class Gateway:
    """Answers HTTP requests by calls to a gRPC server.

    Args:
        grpc_address: the server's, as `127.0.0.1:50051` or `unix:/run/task.sock`.
        options: how it behaves.
        routes: what it serves, beside `/healthz`.
        trust: TLS to the server; None means plain text.
    """

    def __init__(
        self, grpc_address: str, options: GatewayOptions, routes: Sequence[Route], trust: ServerTrust | None = None
    ) -> None:
        self._address = grpc_address
        self._trust = trust
        self._options = options
        self._router = Router([*routes, HEALTH_ROUTE])
        self._transcoder = Transcoder(
            proto_field_names=options.proto_field_names, reject_unknown_fields=options.reject_unknown_fields
        )
        self._bodies = Bodies(options.body_seconds, options.bodies_bytes)
        self._backend: Backend | None = None
        self._streams: set[Call] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._draining = False

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Holds the connection to the server."""
        self._backend = Backend(self._address, self._options, self._trust)
        try:
            yield
        finally:
            await self._backend.close()

    def drain(self) -> None:
        """Ends all streams, each with a line that says UNAVAILABLE, and refuses new ones."""
        self._draining = True
        for call in self._streams:
            call.cancel()

    def abort(self) -> None:
        """Ends all requests that are still there."""
        self._draining = True
        for task in self._requests:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as ASGI asks for it."""
        if scope["type"] != "http":
            # uvicorn is told to know no web sockets; whatever else comes is closed.
            await send({"type": "websocket.close"})
            return
        task = cast(asyncio.Task[None], asyncio.current_task())
        self._requests.add(task)
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except asyncio.CancelledError:
            if not self._draining or exchange.started:
                raise
            task.uncancel()
            await unary.respond_error(exchange, shutting_down(), self._transcoder, [])
        except CallerGoneError:
            return
        except GatewayError as error:
            await unary.respond_error(exchange, error.status, self._transcoder, list(error.headers), error.http_status)
        except Exception:
            _log.exception("a request failed in the gateway: %s %s", exchange.method, exchange.target.decode("latin-1"))
            if exchange.started:
                raise
            failure = status(code_pb2.INTERNAL, "The gateway failed; its log says why.")
            await unary.respond_error(exchange, failure, self._transcoder, [])
        finally:
            self._requests.discard(task)

    async def _answer(self, exchange: Exchange) -> None:
        if REQUEST_ID in self._options.forwarded_headers:
            exchange.request_id = caller_request_id(exchange.headers) or str(uuid.uuid4())
        match = self._match(exchange)
        metadata = request_metadata(
            exchange.headers, exchange.client, self._options.forwarded_headers, exchange.request_id
        )
        seconds = request_timeout(exchange.headers)
        request = await self._request(exchange, match)
        await self._call(exchange, match.route, request, metadata, seconds)

    async def _call(
        self, exchange: Exchange, route: Route, request: Message, metadata: Metadata, seconds: float | None
    ) -> None:
        if self._draining or self._backend is None:
            raise GatewayError(shutting_down())
        call = self._backend.call(route, request, metadata, seconds)
        if not route.streaming:
            await unary.answer(exchange, route, call, self._backend, self._transcoder)
            return
        self._streams.add(call)
        try:
            await stream.answer(exchange, route, call, self._backend, self._transcoder, lambda: self._draining)
        finally:
            self._streams.discard(call)

    def _match(self, exchange: Exchange) -> Match:
        path = self._path(exchange.target)
        match = self._router.match(exchange.method, path)
        if match is not None:
            return match
        allowed = self._router.allowed(path)
        if not allowed:
            raise GatewayError(status(code_pb2.NOT_FOUND, "Not Found"))
        refusal = status(code_pb2.UNIMPLEMENTED, "Method Not Allowed")
        if self._options.method_not_allowed:
            raise GatewayError(refusal, 405, [("allow", ", ".join(allowed))])
        raise GatewayError(refusal)

    def _path(self, target: bytes) -> str:
        """The path, unescaped before it is split: `%2F` splits too, as in the official gateway."""
        if not target.startswith(b"/"):
            raise GatewayError(status(code_pb2.INVALID_ARGUMENT, "Bad Request"))
        if has_bad_escape(target):
            reason = "malformed path escape"
            raise invalid_request(reason)
        try:
            path = unquote_to_bytes(target).decode()
        except UnicodeDecodeError:
            reason = "the path is not valid UTF-8"
            raise invalid_request(reason) from None
        return path[:-1] if self._options.trailing_slash and len(path) > 1 and path.endswith("/") else path

    async def _request(self, exchange: Exchange, match: Match) -> Message:
        body = b""
        if match.route.body is not None:
            limit = self._options.max_body_bytes
            try:
                async with self._bodies.coming(exchange.client) as keep:
                    body = await exchange.body(limit, keep)
            except TimeoutError:
                refusal = status(code_pb2.DEADLINE_EXCEEDED, "the request body did not come in time")
                raise GatewayError(refusal, 408, [("connection", "close")]) from None
            except BodyTooLargeError:
                too_large = invalid_request(f"the request body is longer than {limit} bytes")
                raise GatewayError(too_large.status, headers=[("connection", "close")]) from None
        return self._transcoder.request(match, exchange.query, body)


def create_app(
    grpc_address: str,
    options: GatewayOptions | None = None,
    routes: Sequence[Route] | None = None,
    *,
    trust: ServerTrust | None = None,
) -> Starlette:
    """Makes the gateway. Its `state.gateway` is the Gateway; routes that are added to it win over the API's.

    Args:
        grpc_address: where our gRPC server listens.
        options: how it behaves; None for the defaults.
        routes: what it serves; None for every annotated RPC of `task_manager.v1`.
        trust: TLS to the server; None means plain text.

    Raises:
        UnsupportedRuleError, InvalidTemplateError: an annotation can not be served.
    """
    gateway = Gateway(grpc_address, options or GatewayOptions(), load_routes() if routes is None else routes, trust)
    app = Starlette(lifespan=gateway.lifespan)
    app.state.gateway = gateway
    app.router.default = gateway
    return app
