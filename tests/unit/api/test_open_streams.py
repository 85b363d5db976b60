"""Open streams whose callers are not whom they were any more: ended within 5 s, also where nothing is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from tests.unit.api.api_world import World, close_connections, detail

from task_manager.v1 import task_service_pb2
from task_server.api import open_streams
from task_server.auth.authenticator import TRUST_SECONDS
from task_server.auth.tokens import Tokens, token_id
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
    began = time.monotonic()
    with database.write():
        rows.revoke(token_id(key), database.now())
    for stream in streams:
        error = await end(stream)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert detail(error).reason == "INVALID_CREDENTIALS"
    assert time.monotonic() - began < 5.0
    await world.service.stream_ended.wait()
    world.service.never.set()
    assert (await kept.read()).watch_token


async def test_a_token_that_expires_ends_its_streams(world: World, database: Any) -> None:
    expires_at = database.now() + 500_000
    stream = await watch(world, world.tokens.create(Owner("ann", "Ann"), Role.EDITOR, expires_at=expires_at))
    assert (await end(stream)).code() is grpc.StatusCode.UNAUTHENTICATED
    assert 0 < database.now() - expires_at < 4_500_000


async def test_a_stream_whose_reader_is_slow_ends_with_its_next_message(
    world: World, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_streams, "_LOOK_SECONDS", 0.05)
    world.service.act = lambda: None
    world.service.flood = 10_000
    key = world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)
    stream = await watch(world, key)
    with database.write():
        rows.revoke(token_id(key), database.now())
    # Meanwhile nothing is read: the server waits to send.
    await asyncio.wait_for(_refused(world, key), 10)
    count = 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while True:
            await stream.read()
            count += 1
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert count < 1000


async def _refused(world: World, key: str) -> None:
    """Wait until new calls of the token are refused, and the open stream was looked at after that."""
    request = task_service_pb2.GetTaskRequest()
    while True:
        try:
            await world.stub.GetTask(request, metadata=(("authorization", f"Bearer {key}"),))
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            break
    await asyncio.sleep(5 * open_streams._LOOK_SECONDS)


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
    asked: list[float] = []
    prove = Tokens.prove
    monkeypatch.setattr(Tokens, "prove", lambda self, given: (asked.append(time.monotonic()), prove(self, given))[1])
    await asyncio.sleep(0.5)
    assert 1 <= len(asked) <= 11
    for stream in streams:
        stream.cancel()
