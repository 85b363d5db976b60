"""Runs the gateway on a port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from task_server.gateway.app import Gateway
from task_server.gateway.connection import Connection

DEFAULT_GRACE_SECONDS = 10.0
_CLOSING_SECONDS = 2.0


class AddressInUseError(OSError):
    """Something else listens there. `address` says where."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EADDRINUSE, f"the address {address} is in use")
        self.address = address


def bind(host: str, port: int) -> socket.socket:
    """Takes an address, before anything is announced. Port 0 takes a free one; `getsockname` tells which.

    Raises:
        AddressInUseError: something else listens there.
        OSError: the address is not this machine's, or may not be used.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(f"{host}:{port}") from error
        raise
    listener.setblocking(False)
    return listener


async def serve(
    app: Starlette,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    on_started: Callable[[], None] | None = None,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serves until `stop` is set, and then ends: streams at once, other requests when they are done or the grace is over.

    Signals are the caller's business. The listener is closed in the end.

    Args:
        app: made by create_app.
        listener: made by bind.
        stop: ends it.
        on_started: called once requests are answered.
        grace_seconds: how long requests may still take after `stop`.
        tls: None means plain text.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="on",
        # What a caller does wrong is no news of this service; the gRPC server logs the calls.
        log_config=None,
        log_level="error",
        access_log=False,
        # The gateway sends Date itself, and takes the caller's address from the connection only.
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(grace_seconds + _CLOSING_SECONDS),
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    try:
        await _Server(config, app.state.gateway, stop, on_started, grace_seconds).serve(sockets=[listener])
    finally:
        listener.close()


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        gateway: Gateway,
        stop: asyncio.Event,
        on_started: Callable[[], None] | None,
        grace_seconds: float,
    ) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._stop = stop
        self._on_started = on_started
        self._grace_seconds = grace_seconds

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        # uvicorn wakes ten times a second here, to look at flags and at the clock for Date.
        if self._on_started is not None:
            self._on_started()
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gateway.drain()
        abort = asyncio.get_running_loop().call_later(self._grace_seconds, self._gateway.abort)
        try:
            await super().shutdown(sockets)
        finally:
            abort.cancel()
