"""WatchTasks while events are removed: a watcher that misses some is told so, and never skips them in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.api.watch_world import World, ringing, shown, take, until

from task_server.api import watch
from task_server.api.threads import Threads
from task_server.domain.errors import WatchTokenExpired
from task_server.domain.owner import Caller
from task_server.domain.retention import Retention
from task_server.domain.task import TaskDefinition
from task_server.usecases import watching as watching_module
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.ports import Ports
from task_server.usecases.watching import Watching

Define = Callable[..., TaskDefinition]


def keep_newest(ports: Ports, count: int) -> None:
    assert list(Cleaning(ports, Retention(event_count=count)).events())


async def test_a_token_whose_changes_are_gone_is_refused_and_a_later_one_works(
    ports: Ports, threads: Threads, ann: Caller, definition: Define
) -> None:
    world = World(ports, threads)
    views = [await world.create(ann, definition(name)) for name in "abcd"]
    tokens = [world.tokens.token(view.position) for view in views if view.position]
    await threads.run(keep_newest, ports, 2)
    for task_id in ("", views[0].task.task_id):
        async with world.watched(ann, task_id, since=tokens[0]) as stream:
            with pytest.raises(WatchTokenExpired, match="list again"):
                await anext(stream)
    async with world.watched(ann, since=tokens[1]) as stream:
        assert [message.task.name for message in await take(stream, 2)] == ["c", "d"]
    async with world.watched(ann) as stream:
        assert len(await until(stream, "BOOKMARK")) == 5


async def test_a_watcher_that_catches_up_while_changes_are_removed_is_told(
    ports: Ports, threads: Threads, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "BATCH", 2)
    world = World(ports, threads)
    views = [await world.create(ann, definition(name)) for name in "abcdef"]
    assert views[0].position
    async with world.watched(ann, since=world.tokens.token(views[0].position)) as stream:
        assert (await anext(stream)).task.name == "b"
        await threads.run(keep_newest, ports, 1)
        # It was read before; what would come next is gone.
        assert (await anext(stream)).task.name == "c"
        with pytest.raises(WatchTokenExpired):
            await anext(stream)


async def test_watchers_of_a_server_that_fell_behind_are_told_and_new_ones_begin_with_the_present(
    ports: Ports, threads: Threads, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The reader hears of nothing until the bell rings.
    monkeypatch.setattr(watch, "_POLL_SECONDS", 3600.0)
    world = World(ports, threads)
    async with world.watched(ann) as early, world.watched(ann) as second:
        for stream in (early, second):
            await until(stream, "BOOKMARK")
        for name in "abc":
            await world.create(ann, definition(name))
        await threads.run(keep_newest, ports, 1)
        world.watchers.rung()
        for stream in (early, second):
            with pytest.raises(WatchTokenExpired):
                await anext(stream)
    with ringing(world):
        async with world.watched(ann) as late:
            assert len(await until(late, "BOOKMARK")) == 4
            await world.create(ann, definition("d"))
            assert shown(await anext(late)) == ("ADDED", "d", 1)


async def test_an_idle_watcher_outlives_the_removal_of_all_that_it_has_seen(
    ports: Ports, threads: Threads, ann: Caller, definition: Define
) -> None:
    world = World(ports, threads)
    with ringing(world):
        async with world.watched(ann) as stream:
            await until(stream, "BOOKMARK")
            await world.create(ann, definition("a"))
            last = await anext(stream)
            everything = Retention(events=1)
            assert list(Cleaning(ports, everything).events()) == [1]
            assert await threads.run(Watching(ports).after, world.tokens.position(last.watch_token)) == []
            await world.create(ann, definition("b"))
            assert (await anext(stream)).task.name == "b"
    async with world.watched(ann, since=last.watch_token) as stream:
        assert (await anext(stream)).task.name == "b"
