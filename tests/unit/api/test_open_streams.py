"""Open streams whose callers are not whom they were any more: ended within 5 s, also where nothing is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import pairwise
from typing import Any

import grpc
import pytest
from tests.unit.api.api_world import World, close_connections, detail

from task_manager.v1 import task_service_pb2
from task_server.api import open_streams
from task_server.auth.authenticator import TRUST_SECONDS
from task_server.auth.tokens import Tokens, token_id
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Owner, Role
from task_server.store import tokens as rows

WATCH = task_service_pb2.WatchTasksRequest()


@pytest.fixture
async def world(database: Any, ports: Any, threads: Any) -> AsyncIterator[World]:
    async with World(database, ports, threads).running() as world:
        world.service.act = lambda: world.service.never.wait()
        yield world


async def watch(world: World, key: str) -> Any:
    """An open stream that has had its first message and waits for the next."""
    stream = world.stub.WatchTasks(WATCH, metadata=(("authorization", f"Bearer {key}"),), timeout=60)
    assert (await stream.read()).watch_token
    return stream


async def end(stream: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()
    return caught.value


def test_a_revocation_is_seen_within_five_seconds() -> None:
    assert TRUST_SECONDS + open_streams._LOOK_SECONDS <= 4.0


async def test_the_streams_of_a_revoked_token_end_and_those_of_others_go_on(world: World, database: Any) -> None:
    key, other = (world.tokens.create(Owner("ann", "Ann"), Role.EDITOR) for _ in range(2))
    streams = [await watch(world, key) for _ in range(3)]
    kept = await watch(world, other)
    world.service.stream_ended.clear()
    # By another process: this server has to find out.
    with database.write():
        rows.revoke(token_id(key), database.now())
    for stream in streams:
        error = await end(stream)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert detail(error).reason == "INVALID_CREDENTIALS"
    await world.service.stream_ended.wait()
    world.service.never.set()
    assert (await kept.read()).watch_token


async def test_a_token_that_expires_ends_its_streams(world: World, database: Any) -> None:
    expires_at = database.now() + 500_000
    stream = await watch(world, world.tokens.create(Owner("ann", "Ann"), Role.EDITOR, expires_at=expires_at))
    assert (await end(stream)).code() is grpc.StatusCode.UNAUTHENTICATED
    assert database.now() > expires_at


async def test_a_stream_whose_reader_is_slow_ends_with_its_next_message(
    world: World, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_streams, "_LOOK_SECONDS", 0.05)
    world.service.act = lambda: None
    world.service.flood = 10_000
    key = world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)
    ended = asyncio.Event()
    end = open_streams._Stream.end
    monkeypatch.setattr(open_streams._Stream, "end", lambda self, error: (end(self, error), ended.set()))
    stream = await watch(world, key)
    with database.write():
        rows.revoke(token_id(key), database.now())
    # Meanwhile nothing is read: the server waits to send.
    await ended.wait()
    count = 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while True:
            await stream.read()
            count += 1
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert count < 1000


async def test_a_database_that_is_away_ends_no_stream(
    world: World, database: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_streams, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr("task_server.auth.authenticator.TRUST_SECONDS", 0.0)
    stream = await watch(world, world.tokens.create(Owner("ann", "Ann"), Role.EDITOR))
    asked = asyncio.Event()
    prove = Tokens.prove

    def proving(self: Tokens, credentials: Any) -> Any:
        loop.call_soon_threadsafe(asked.set)
        return prove(self, credentials)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Tokens, "prove", proving)
    away = database.path.rename(database.path.with_suffix(".away"))
    database.path.mkdir()
    close_connections(threads, database)
    for _ in range(2):
        asked.clear()
        await asked.wait()
    database.path.rmdir()
    away.rename(database.path)
    world.service.never.set()
    assert (await stream.read()).watch_token


async def test_many_streams_of_one_token_cost_one_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr("task_server.auth.authenticator.TRUST_SECONDS", 0.0)
    key = world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)
    streams = [await watch(world, key) for _ in range(20)]
    asked: asyncio.Queue[float] = asyncio.Queue()
    prove = Tokens.prove

    def proving(self: Tokens, credentials: Any) -> Any:
        loop.call_soon_threadsafe(asked.put_nowait, time.monotonic())
        return prove(self, credentials)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Tokens, "prove", proving)
    # However late a look is, the next one comes a while after it: one for each stream would come at once.
    looks = [await asked.get() for _ in range(5)]
    assert all(later - earlier > 0.04 for earlier, later in pairwise(looks))
    for stream in streams:
        stream.cancel()


async def test_a_stream_that_takes_its_time_to_end_keeps_no_other_from_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_streams, "_LOOK_SECONDS", 0.01)
    cancelled, may_end = asyncio.Event(), asyncio.Event()
    looks: asyncio.Queue[str] = asyncio.Queue()

    async def identify(credentials: Any) -> Any:
        looks.put_nowait(credentials)
        raise InvalidCredentials("revoked")

    async def never_quite() -> AsyncGenerator[int, None]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            await may_end.wait()
        yield 1

    open_ones = open_streams.OpenStreams(identify)
    caller: Any = "ann"
    slow: Any = "slow"
    reading = asyncio.create_task(anext(open_ones.guarded(slow, caller, never_quite())))
    await cancelled.wait()
    # It is looked at again, and once more after that.
    while not looks.empty():
        looks.get_nowait()
    async with asyncio.timeout(20):
        for _ in range(3):
            await looks.get()
    may_end.set()
    with pytest.raises(InvalidCredentials):
        await reading
