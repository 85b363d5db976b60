"""What the conformance tests run: the peer, gateways before it on real ports, and a plain HTTP client."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway_peer import Peer, serve_peer

from task_server.gateway.app import create_app
from task_server.gateway.options import GatewayOptions
from task_server.gateway.server import bind, serve

T = TypeVar("T")


@dataclass
class Answer:
    """One HTTP response, its header names in lower case."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        assert self.body.endswith(b"\n")
        return [json.loads(line) for line in self.body.splitlines()]

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower(), [])
        return ", ".join(values) if values else None


def ask(
    port: int,
    method: str,
    path: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Sends one request on a connection of its own and reads the whole response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers or []:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answered: dict[str, list[str]] = {}
        for name, value in response.getheaders():
            answered.setdefault(name.lower(), []).append(value)
        return Answer(response.status, answered, response.read())
    finally:
        connection.close()


@dataclass
class World:
    """A peer and gateways in a thread of their own, so that tests may block."""

    loop: asyncio.AbstractEventLoop
    peer: Peer
    grpc_port: int
    _stops: list[asyncio.Event] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the world's event loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def gateway(self, options: GatewayOptions | None = None, grpc_port: int | None = None) -> int:
        """Starts a gateway. Returns its port."""
        return self.run(self._start(options or GatewayOptions(), grpc_port or self.grpc_port))

    async def _start(self, options: GatewayOptions, grpc_port: int) -> int:
        listener = bind("127.0.0.1", 0)
        port: int = listener.getsockname()[1]
        started, stop = asyncio.Event(), asyncio.Event()
        app = create_app(f"127.0.0.1:{grpc_port}", options)
        task = asyncio.create_task(serve(app, listener, stop, on_started=started.set, grace_seconds=0.5))
        self._stops.append(stop)
        self._tasks.append(task)
        await started.wait()
        return port

    async def close(self) -> None:
        for stop in self._stops:
            stop.set()
        await asyncio.gather(*self._tasks)


@contextmanager
def running_world() -> Iterator[World]:
    """A world with a peer and no gateway yet."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    async def begin() -> tuple[Peer, Any, int]:
        peer = Peer()
        return peer, *await serve_peer(peer)

    try:
        peer, server, port = run(begin())
        world = World(loop, peer, port)
        try:
            yield world
        finally:
            run(world.close())
            run(server.stop(0))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
