"""Callers that connect and do not get on with it, at the real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from task_server.gateway import connection
from task_server.gateway.app import create_app
from task_server.gateway.options import GatewayOptions
from task_server.gateway.server import bind, serve

ANSWERED = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.asynccontextmanager
async def gateway(body_seconds: float = 30.0) -> AsyncIterator[int]:
    listener = bind("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    stop, started = asyncio.Event(), asyncio.Event()
    app = create_app("127.0.0.1:1", GatewayOptions(body_seconds=body_seconds))
    serving = asyncio.create_task(serve(app, listener, stop, on_started=started.set, grace_seconds=0.1))
    await started.wait()
    try:
        yield port
    finally:
        stop.set()
        await serving


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
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
