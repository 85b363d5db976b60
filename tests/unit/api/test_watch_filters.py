"""WatchTasks with a filter, where an update brings a task into it or out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.api.watch_world import World, shown, take, until

from task_server.api.threads import Threads
from task_server.domain.owner import Caller
from task_server.domain.task import TaskDefinition
from task_server.usecases.ports import Ports
from task_server.usecases.updating import Updating

Define = Callable[..., TaskDefinition]


async def rename(world: World, caller: Caller, task_id: str, **names: str) -> None:
    updating = Updating(world.ports)
    base = await world.threads.run(updating.read, caller, task_id, "")
    assert await world.threads.run(updating.update, caller, base, "", replace(base.definition, **names))


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    "wanted", [{"module": "billing"}, {"name": "invoice"}, {"module": "billing", "name": "invoice"}]
)
async def test_a_task_that_comes_into_a_filter_is_added_and_one_that_leaves_it_deleted(
    ports: Ports, threads: Threads, ann: Caller, definition: Define, wanted: dict[str, Any], live: bool
) -> None:
    world = World(ports, threads)
    view = await world.create(ann, definition("other", "other"))
    assert view.position
    task_id, token = view.task.task_id, world.tokens.token(view.position)

    async def changes() -> None:
        await rename(world, ann, task_id, **dict.fromkeys(wanted, "elsewhere"))
        await rename(world, ann, task_id, **wanted)
        # One that changes no name, or one that is not asked for.
        await rename(world, ann, task_id, **({"name": "again"} if "name" not in wanted else {"queue": "q"}))
        await rename(world, ann, task_id, **dict.fromkeys(wanted, "elsewhere"))
        await rename(world, ann, task_id, name="unseen")

    if not live:
        await changes()
    async with world.watched(ann, **wanted, **({} if live else {"since": token})) as stream:
        if live:
            assert len(await until(stream, "BOOKMARK")) == 1
            await changes()
        told = [shown(message)[0] for message in await take(stream, 3)]
    assert told == ["ADDED", "MODIFIED", "DELETED"]


async def test_a_watch_of_one_task_follows_it_under_any_name(
    ports: Ports, threads: Threads, ann: Caller, definition: Define
) -> None:
    world = World(ports, threads)
    view = await world.create(ann, definition("a"))
    async with world.watched(ann, view.task.task_id) as stream:
        await until(stream, "BOOKMARK")
        await rename(world, ann, view.task.task_id, name="b", module="m")
        message = await anext(stream)
        assert (shown(message)[0], message.task.name) == ("MODIFIED", "b")
