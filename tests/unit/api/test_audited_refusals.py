"""Refused calls reach the audit log: with who, whence and why, and never one row for each of a flood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.api.api_world import World, failure

from task_manager.v1 import task_service_pb2
from task_server.api import refusals as refusals_module
from task_server.api import services
from task_server.domain.audit import AuditEvent, AuditFilter
from task_server.domain.errors import DatabaseUnavailable, PermissionMissing, TaskNotFound
from task_server.domain.owner import Owner, Role
from task_server.usecases.auditing import Auditing

GET = task_service_pb2.GetTaskRequest(task_id="t1")
METHODS = [method for service in services.SERVICES for method in service.methods]
METHOD = "task_manager.v1.TaskService/GetTask"


@pytest.fixture
async def world(database: Any, ports: Any, threads: Any) -> AsyncIterator[World]:
    async with World(database, ports, threads).running() as world:
        yield world


async def told(world: World, count: int) -> list[AuditEvent]:
    """The refusals in the audit log, the oldest first, once there are so many."""
    while True:
        found, _ = await world.threads.run(Auditing(world.database).page, AuditFilter(), "", 1000)
        if len(found) >= count:
            return found[::-1]
        await asyncio.sleep(0.02)


def metadata(world: World, **more: str) -> tuple[tuple[str, str], ...]:
    token = world.tokens.create(Owner("ann", "Ann"), Role.EDITOR)
    return (("authorization", f"Bearer {token}"), *((key.replace("_", "-"), value) for key, value in more.items()))


async def test_a_call_without_a_valid_token_is_told_without_the_token(world: World) -> None:
    sent = (("authorization", "Bearer tsk_secret"), ("x-request-id", "r-1"), ("x-forwarded-for", "198.51.100.9"))
    await failure(world.stub.GetTask(GET, metadata=sent))

    (event,) = await told(world, 1)

    assert (event.actor, event.token_id, event.method, event.request_id) == (None, "", METHOD, "r-1")
    assert (event.outcome, event.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    assert event.peer.startswith("ipv4:127.0.0.1:")
    assert event.peer.endswith(" for 198.51.100.9")
    assert "secret" not in repr(event)


async def test_a_permission_that_is_missing_is_told_with_its_name_and_its_caller(world: World) -> None:
    def act() -> None:
        raise PermissionMissing("view all", "it")

    world.service.act = act
    await failure(world.stub.GetTask(GET, metadata=metadata(world)))

    (event,) = await told(world, 1)

    assert event.actor == Owner("ann", "Ann")
    assert event.token_id
    assert (event.outcome, event.reason, event.detail) == ("PERMISSION_DENIED", "PERMISSION_MISSING", "view all")


async def test_what_the_policy_refuses_is_told_with_its_caller_too(world: World) -> None:
    admin_only = next(method for method in METHODS if method.full_name.endswith("AdminService.ListTokens"))
    await failure(world.call(admin_only, metadata=metadata(world)))

    (event,) = await told(world, 1)

    assert event.actor == Owner("ann", "Ann")
    assert event.method == "task_manager.v1.AdminService/ListTokens"


async def test_other_errors_are_no_refusals(world: World) -> None:
    def act() -> None:
        raise TaskNotFound("t1")

    world.service.act = act
    await failure(world.stub.GetTask(GET, metadata=metadata(world)))
    await failure(world.stub.GetTask(GET, metadata=(("x-request-id", "last"),)))

    assert [event.request_id for event in await told(world, 1)] == ["last"]


async def test_of_a_flood_some_are_told_and_the_others_counted(world: World, monkeypatch: Any) -> None:
    for _ in range(50):
        await failure(world.stub.GetTask(GET))
    assert len(await told(world, 20)) == 20

    monkeypatch.setattr(refusals_module, "_WINDOW_SECONDS", 0.0)
    world.refusals._window_ends = 0.0

    events = await told(world, 21)
    assert [event.detail for event in events[:20]] == [""] * 20
    assert events[20].detail.startswith("the last of 30 more")


async def test_a_database_that_is_away_takes_refusals_when_it_is_back(world: World, monkeypatch: Any) -> None:
    store, tried = world.refusals._auditing.store, asyncio.Event()
    loop = asyncio.get_running_loop()

    def away(_: Any) -> None:
        loop.call_soon_threadsafe(tried.set)
        raise DatabaseUnavailable

    monkeypatch.setattr(world.refusals._auditing, "store", away)
    await failure(world.stub.GetTask(GET))
    await tried.wait()
    monkeypatch.setattr(world.refusals._auditing, "store", store)

    assert len(await told(world, 1)) == 1


async def test_a_server_that_stops_stores_what_it_noted(
    database: Any, ports: Any, threads: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(refusals_module, "_STORE_SECONDS", 60.0)
    async with World(database, ports, threads).running() as world:
        await failure(world.stub.GetTask(GET))

    found, _ = await threads.run(Auditing(database).page, AuditFilter(), "", 10)
    assert [event.method for event in found] == [METHOD]


async def test_a_flood_is_one_whatever_it_says_of_whom_it_was_forwarded_for(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(refusals_module, "_TOLD", 3)
    for number in range(9):
        await failure(world.stub.GetTask(GET, metadata=(("x-forwarded-for", f"somebody{number}:1, 127.0.0.1"),)))
    await failure(world.stub.GetTask(GET, metadata=(("x-forwarded-for", "198.51.100.9, 127.0.0.1"),)))

    found = await told(world, 4)

    # Nor does it hide what others do behind the same gateway.
    assert [event.peer.partition(" for ")[2].partition(":")[0] for event in found] == [
        *(f"somebody{number}" for number in range(3)),
        "198.51.100.9, 127.0.0.1",
    ]
