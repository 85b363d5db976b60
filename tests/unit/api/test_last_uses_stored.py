"""What a server noted of the use of tokens is stored while it runs, and when it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.api.api_world import World

from task_manager.v1 import task_service_pb2
from task_server.api import server as server_module
from task_server.auth.tokens import token_id
from task_server.domain.owner import Owner, Role
from task_server.store import tokens as rows


async def use(world: World) -> str:
    """Make a call with a new token; return the token's id."""
    key = world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)
    await world.stub.GetTask(task_service_pb2.GetTaskRequest(), metadata=(("authorization", f"Bearer {key}"),))
    return token_id(key)


def last_use(database: Any, name: str) -> int | None:
    with database.read():
        stored = rows.get(name)
    assert stored
    return stored.last_used_at


async def test_a_server_that_ends_stores_what_it_noted(database: Any, ports: Any, threads: Any) -> None:
    async with World(database, ports, threads).running() as world:
        name = await use(world)
        assert last_use(database, name) is None
    assert last_use(database, name) is not None


async def test_a_server_that_runs_stores_it_now_and_then(
    database: Any, ports: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_USES_SECONDS", 0.02)
    async with World(database, ports, threads).running() as world:
        name = await use(world)
        stored, loop, store = asyncio.Event(), asyncio.get_running_loop(), world.last_uses.store

        def store_and_tell() -> None:
            store()
            loop.call_soon_threadsafe(stored.set)

        monkeypatch.setattr(world.last_uses, "store", store_and_tell)
        await stored.wait()
        assert last_use(database, name) is not None
