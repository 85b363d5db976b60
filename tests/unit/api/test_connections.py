"""What one connection may cost: sizes, silence, age. Each limit is met on the real server and shown to refuse."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import grpc
import pytest
from tests.unit.api.api_world import World, failure

from task_manager.v1 import task_service_pb2
from task_server.api import connections
from task_server.config import Settings
from task_server.domain.owner import Owner, Role

WATCH = task_service_pb2.WatchTasksRequest()


def sign_in(world: World) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {world.tokens.create(Owner('ann', 'Ann'), Role.EDITOR)}"),)


async def test_a_request_that_is_too_large_is_refused(database: Any, ports: Any, threads: Any) -> None:
    async with World(database, ports, threads).running() as world:
        ann = sign_in(world)
        fits = task_service_pb2.GetTaskRequest(task_id="x" * (connections.MAX_REQUEST_BYTES - 100))
        await world.stub.GetTask(fits, metadata=ann)
        large = task_service_pb2.GetTaskRequest(task_id="x" * connections.MAX_REQUEST_BYTES)
        assert (await failure(world.stub.GetTask(large, metadata=ann))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_metadata_that_is_too_large_is_refused(database: Any, ports: Any, threads: Any) -> None:
    async with World(database, ports, threads).running() as world:
        ann = sign_in(world)
        get = task_service_pb2.GetTaskRequest(task_id="t1")
        await world.stub.GetTask(get, metadata=(*ann, ("x-fits", "x" * (connections.METADATA_BYTES - 1000))))
        large = (*ann, ("x-large", "x" * connections.MAX_METADATA_BYTES))
        assert (await failure(world.stub.GetTask(get, metadata=large))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert world.service.called == ["GetTask"]


async def test_who_connects_and_says_nothing_is_hung_up_on(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.2)
    async with World(database, ports, threads).running() as world:
        silent = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(20)]
        async with asyncio.timeout(20):
            for reader, writer in silent:
                await reader.read()  # until its end
                writer.close()


async def test_a_connection_without_calls_is_closed(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    async with World(database, ports, threads).running() as world:
        await world.stub.GetTask(task_service_pb2.GetTaskRequest(task_id="t1"), metadata=sign_in(world))
        async with asyncio.timeout(20):
            while (state := world.channel.get_state()) is grpc.ChannelConnectivity.READY:
                await world.channel.wait_for_state_change(state)
        # And made anew when there is one.
        await world.stub.GetTask(task_service_pb2.GetTaskRequest(task_id="t1"), metadata=sign_in(world))


async def test_a_stream_on_an_old_connection_ends_as_one_that_is_to_be_resumed(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_SECONDS", 0.2)
    async with World(database, ports, threads, max_connection_age_seconds=0.2).running() as world:
        world.service.act = lambda: world.service.never.wait()
        stream = world.stub.WatchTasks(WATCH, metadata=sign_in(world))
        assert (await failure(stream)).code() is grpc.StatusCode.UNAVAILABLE
        await world.service.stream_ended.wait()


def test_any_age_where_the_setting_says_so() -> None:
    names = [name for name, _ in connections.connection_options(Settings(max_connection_age_seconds=0))]
    assert not [name for name in names if "age" in name and "connection" in name]


async def test_one_connection_has_no_more_streams_than_the_server_takes_from_all(
    database: Any, ports: Any, threads: Any
) -> None:
    """Two are refused with a word, by `max_concurrent_calls`; what comes above twice that waits in its client."""
    async with World(database, ports, threads, max_concurrent_calls=1).running() as world:
        with socket.create_connection(("127.0.0.1", world.port), timeout=20) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            loop = asyncio.get_running_loop()
            settings = await loop.run_in_executor(None, _first_settings, connection)
        assert settings[3] == 2  # RFC 9113, 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS


def _first_settings(connection: socket.socket) -> dict[int, int]:
    data = b""
    while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
        data += connection.recv(4096)
    assert data[3] == 4
    body = data[9 : 9 + int.from_bytes(data[:3], "big")]
    return {
        int.from_bytes(body[at : at + 2], "big"): int.from_bytes(body[at + 2 : at + 6], "big")
        for at in range(0, len(body), 6)
    }
