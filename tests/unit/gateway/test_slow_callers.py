"""Callers that connect and do not get on with it, at the real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from task_server.gateway import connection
from task_server.gateway.app import create_app
from task_server.gateway.bodies import UNREAD_BYTES, Bodies
from task_server.gateway.options import GatewayOptions
from task_server.gateway.server import bind, serve

#: More than the buffers of a loopback connection take.
SIZE = 32 * 1024 * 1024
ANSWERED = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.asynccontextmanager
async def gateway(**options: Any) -> AsyncIterator[int]:
    listener = bind("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    stop, started = asyncio.Event(), asyncio.Event()
    app = create_app("127.0.0.1:1", GatewayOptions(**options))
    serving = asyncio.create_task(serve(app, listener, stop, on_started=started.set, grace_seconds=0.1))
    await started.wait()
    try:
        yield port
    finally:
        stop.set()
        await serving


@contextlib.asynccontextmanager
async def connected(
    port: int, address: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "], ids=["nothing", "half a head"])
async def test_a_connection_whose_request_does_not_come_is_closed(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    async with gateway() as port, connected(port) as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


async def test_a_further_request_may_not_begin_and_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    async with gateway() as port, connected(port) as (reader, writer):
        writer.write(ANSWERED)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 404")
        # The first byte of the next one ends uvicorn's own time for idle connections.
        writer.write(b"G")
        assert b"Not Found" in await reader.read()


async def test_a_request_that_is_being_answered_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    async with gateway(body_seconds=0.5) as port, connected(port) as (reader, writer):
        writer.write(b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"did not come in time" in answer


MIB = 1024 * 1024


async def answer(port: int, body: bytes, length: int) -> bytes:
    """What the gateway says of a body of that length, of which only this comes."""
    async with connected(port) as (reader, writer):
        writer.write(b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length)
        writer.write(body)
        return await reader.read()


async def test_strangers_whose_bodies_do_not_come_fill_no_more_than_the_room_and_keep_nobody_out() -> None:
    part, room = b" " * (MIB // 4), 4 * MIB
    most = room // len(part)
    async with gateway(bodies_bytes=room) as port:
        waiting = {asyncio.create_task(answer(port, part, MIB)) for _ in range(5 * most)}
        refused: set[asyncio.Task[bytes]] = set()
        while len(waiting) >= most:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert all(each.result().startswith(b"HTTP/1.1 408") for each in refused)
        assert b"can not be reached" in await answer(port, b"{}", 2), "it is read, and the server behind is asked"
        assert len([each for each in waiting if not each.done()]) >= most // 2, "the others go on"
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


async def test_the_body_that_began_first_is_the_one_that_has_no_more_time() -> None:
    bodies, began = Bodies(30.0, 4 * UNREAD_BYTES), asyncio.Event()

    async def wait_for_more() -> None:
        async with bodies.coming("192.0.2.7"):
            began.set()
            await asyncio.Event().wait()

    first = asyncio.create_task(wait_for_more())
    await began.wait()
    async with bodies.coming("192.0.2.7") as keep:
        keep(3 * UNREAD_BYTES)
        with pytest.raises(TimeoutError):
            await first


async def test_who_fills_the_room_ends_its_own_bodies_and_no_slow_one_from_elsewhere() -> None:
    room = 4 * MIB
    async with gateway(bodies_bytes=room) as port, connected(port, "127.0.0.2") as (reader, writer):
        writer.write(b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{")
        await writer.drain()
        # More of them than there is room for, twice over.
        strangers = [asyncio.create_task(answer(port, b" ", MIB)) for _ in range(2 * room // UNREAD_BYTES)]
        refused: list[asyncio.Task[bytes]] = []
        while len(refused) < room // UNREAD_BYTES:
            await asyncio.wait(strangers, return_when=asyncio.FIRST_COMPLETED)
            refused += [each for each in strangers if each.done()]
            strangers = [each for each in strangers if not each.done()]
        assert all(each.result().startswith(b"HTTP/1.1 408") for each in refused)
        writer.write(b"}")
        assert b"can not be reached" in await reader.read()
        for stranger in strangers:
            stranger.cancel()
        await asyncio.wait(strangers)


async def test_bodies_that_have_come_take_no_room() -> None:
    body = b" " * (MIB - 2) + b"{}"
    async with gateway(bodies_bytes=2 * MIB) as port:
        for _ in range(5):
            assert b"can not be reached" in await answer(port, body, len(body))


class _Flood:
    """An application that answers with more than any buffer holds."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * SIZE, "more_body": True})
        # This one waits until the caller has taken the first, or is gone.
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        self.ended.set()


@contextlib.asynccontextmanager
async def flooding(flood: _Flood) -> AsyncIterator[int]:
    config = uvicorn.Config(flood, http=connection.Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connection.Connection(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_who_does_not_read_an_answer_is_hung_up_on_and_who_reads_slowly_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.3)
    flood = _Flood()
    async with flooding(flood) as port, connected(port) as (reader, writer):
        writer.write(ANSWERED)
        await reader.readuntil(b"\r\n\r\n")
        # The reader's own buffer is full soon, and then nobody takes anything.
        await asyncio.wait_for(flood.ended.wait(), 20)
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < SIZE
    flood = _Flood()
    async with flooding(flood) as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert len(await reader.read()) >= SIZE
