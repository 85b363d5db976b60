"""WatchTasks: the state, then every change once, whatever happens to the watcher."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from tests.unit.api.watch_world import Define, World, shown, take, until

from task_manager.v1 import event_pb2, task_service_pb2
from task_server.api import watch, watch_stream
from task_server.api.validation.listing import PageTokens
from task_server.api.watch_stream import WatchTokens
from task_server.domain.errors import (
    InvalidWatchToken,
    TaskNotFound,
    WatcherTooSlow,
)
from task_server.domain.event import Position
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.schedule import Schedule
from task_server.usecases import watching as watching_module


async def test_the_state_comes_first_then_a_bookmark_then_changes(
    world: World, ann: Caller, definition: Define
) -> None:
    await world.create(ann, definition("old"))
    async with world.watched(ann) as stream:
        assert await until(stream, "BOOKMARK") == [("ADDED", "old", 1), ("BOOKMARK", "", 0)]
        view = await world.create(ann, definition("new"))
        await world.finish(view)
        await world.threads.run(world.tasks.delete, ann, view.task.task_id)
        found = await take(stream, 4)
    assert [shown(message)[:2] for message in found] == [
        ("ADDED", "new"),
        ("MODIFIED", "new"),
        ("MODIFIED", "new"),
        ("DELETED", "new"),
    ]
    revisions = [int(message.task.etag) for message in found]
    assert revisions == sorted(set(revisions))
    assert [message.execution.status for message in found[1:3]] == [2, 3]
    assert all(message.HasField("occurred_at") for message in found)


async def test_a_token_gives_exactly_what_came_after_it(world: World, ann: Caller, definition: Define) -> None:
    created = await world.create(ann, definition("a"))
    assert created.position is not None
    start = world.tokens.token(created.position)
    for name in "bcde":
        await world.create(ann, definition(name))
    async with world.watched(ann, since=start) as stream:
        messages = await take(stream, 4)
        assert [message.task.name for message in messages] == list("bcde")
        await world.create(ann, definition("f"))
        messages += await take(stream, 1)
    # From each message's token the rest comes, and nothing twice.
    for index, message in enumerate(messages[:-1]):
        async with world.watched(ann, since=message.watch_token) as stream:
            rest = await take(stream, len(messages) - index - 1)
        assert [later.task.name for later in rest] == list("bcdef")[index + 1 :]


async def test_only_the_bookmark_after_the_state_says_where_to_go_on(
    world: World, ann: Caller, definition: Define
) -> None:
    await world.create(ann, definition("a"))
    async with world.watched(ann) as stream:
        added, bookmark = await take(stream, 2)
    # From here the rest of a state that broke off would be missing.
    assert added.watch_token == ""
    await world.create(ann, definition("b"))
    async with world.watched(ann, since=bookmark.watch_token) as stream:
        assert (await anext(stream)).task.name == "b"


async def test_a_watch_resumed_after_its_task_was_deleted_tells_so_and_ends(
    world: World, ann: Caller, bob: Caller, definition: Define
) -> None:
    view = await world.create(ann, definition("a"))
    assert view.position is not None
    since = world.tokens.token(view.position)
    await world.threads.run(world.tasks.delete, ann, view.task.task_id)
    async with world.watched(ann, view.task.task_id, since=since) as stream:
        messages = [message async for message in stream]
    assert messages[-1].type == event_pb2.TaskEvent.DELETED
    async with world.watched(ann, view.task.task_id, since=messages[-1].watch_token) as stream:
        with pytest.raises(TaskNotFound):
            await anext(stream)
    async with world.watched(bob, view.task.task_id, since=since) as stream:
        with pytest.raises(TaskNotFound):
            await anext(stream)


async def test_changes_during_the_state_are_neither_lost_nor_doubled(
    world: World, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (watching_module, watch):  # The state is read in several transactions.
        monkeypatch.setattr(module, "BATCH", 2)
    views = [await world.create(ann, definition(f"t{number}")) for number in range(6)]
    async with world.watched(ann) as stream:
        found = [shown(message) for message in await take(stream, 1)]
        # t5 was sent, t4 is read and not sent, t0 is not read yet; one is new, one goes.
        for changed in (views[5], views[4], views[0]):
            await world.threads.run(world.tasks.run, ann, changed.task.task_id)
        await world.create(ann, definition("new"))
        await world.threads.run(world.tasks.delete, ann, views[1].task.task_id)
        found += await until(stream, "BOOKMARK")
        await world.create(ann, definition("end"))
        found += [shown(message) for message in await take(stream, 1)]
        while found[-1][1] != "end":
            found += [shown(message) for message in await take(stream, 1)]
    changes = [change for change in found if change[0] != "BOOKMARK"]
    assert len(changes) == len(set(changes))
    by_task: dict[str, list[int]] = {}
    for _, name, revision in changes:
        by_task.setdefault(name, []).append(revision)
    assert all(revisions == sorted(set(revisions)) for revisions in by_task.values())
    latest: dict[str, int] = {}
    before_id = ""
    while page := world.watching.page(TaskFilter(), before_id):
        latest |= {view.task.definition.name: view.task.revision for view in page}
        before_id = page[-1].task.task_id
    assert {name: revisions[-1] for name, revisions in by_task.items() if name != "t1"} == latest
    assert changes.count(("ADDED", "new", 1)) == 1


async def test_watchers_that_come_at_any_time_miss_nothing(world: World, ann: Caller, definition: Define) -> None:
    total = 60

    def make() -> None:
        for number in range(total):
            world.tasks.create(ann, definition(f"t{number}"))
        world.ports.database.close()

    async def watch_all() -> list[str]:
        names: list[str] = []
        async with world.watched(ann) as stream:
            async for message in stream:
                if message.type != event_pb2.TaskEvent.BOOKMARK:
                    names.append(message.task.name)
                if len(names) == total:
                    return names
        raise AssertionError("ended")

    maker = threading.Thread(target=make)
    maker.start()
    watching = []
    while maker.is_alive():
        watching.append(asyncio.create_task(watch_all()))
        await world.threads.run(world.watching.head)  # As long as a turn at the database takes.
    for names in await asyncio.gather(*watching):
        assert sorted(names) == sorted(f"t{number}" for number in range(total))
    maker.join()


async def test_a_slow_watcher_is_ended_with_its_last_token_and_others_go_on(
    world: World, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_BACKLOG", 5)
    async with world.watched(ann) as slow, world.watched(ann) as quick:
        await until(slow, "BOOKMARK")
        await until(quick, "BOOKMARK")
        await world.create(ann, definition("t0"))
        assert (await anext(quick)).task.name == "t0"
        last = await anext(slow)
        for number in range(1, 10):
            await world.create(ann, definition(f"t{number}"))
            assert (await anext(quick)).task.name == f"t{number}"
        with pytest.raises(WatcherTooSlow) as caught:
            await anext(slow)
    assert caught.value.metadata == {"watch_token": last.watch_token}
    async with world.watched(ann, since=caught.value.metadata["watch_token"]) as resumed:
        assert [message.task.name for message in await take(resumed, 9)] == [f"t{number}" for number in range(1, 10)]


async def test_an_idle_stream_gets_bookmarks(world: World, ann: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_stream, "_IDLE_SECONDS", 0.02)
    async with world.watched(ann) as stream:
        assert [shown(message)[0] for message in await take(stream, 4)] == ["BOOKMARK"] * 4


async def test_a_stream_is_idle_also_while_others_are_not(
    world: World, ann: Caller, bob: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_stream, "_IDLE_SECONDS", 0.2)
    async with world.watched(ann) as stream, world.watched(bob) as busy:
        (begin,) = await take(stream, 1)
        await take(busy, 1)
        waiting = asyncio.ensure_future(anext(stream))
        for number in range(500):  # Many times the 0.2 s.
            await world.create(bob, definition(f"t{number}"))
            await anext(busy)
            if waiting.done():
                break
        assert waiting.done()
        bookmark = waiting.result()
    assert shown(bookmark)[0] == "BOOKMARK"
    # Its token has gone on, so that a resumed watch does not read again what others did.
    assert world.tokens.position(bookmark.watch_token) > world.tokens.position(begin.watch_token)


async def test_until_terminal_ends_with_the_task(world: World, ann: Caller, definition: Define) -> None:
    view = await world.create(ann, definition("a"))
    async with world.watched(ann, view.task.task_id, until_terminal=True) as stream:
        await until(stream, "BOOKMARK")
        await world.finish(view)
        rest = [message async for message in stream]
    assert [message.task.status for message in rest] == [2, 3]
    # And at once for one that has ended: with the state, or from a token before or after its end.
    async with world.watched(ann, view.task.task_id, until_terminal=True) as stream:
        assert [shown(message)[0] async for message in stream] == ["ADDED", "BOOKMARK"]
    assert view.position is not None
    for since, count in ((world.tokens.token(view.position), 2), (rest[-1].watch_token, 0)):
        async with world.watched(ann, view.task.task_id, since=since, until_terminal=True) as stream:
            assert len([message async for message in stream]) == count


async def test_until_terminal_ends_when_the_task_is_stopped_or_deleted(
    world: World, ann: Caller, definition: Define
) -> None:
    later = definition("a", schedule=Schedule(delay_seconds=3600))
    for end in (world.stopping.stop, world.tasks.delete):
        view = await world.create(ann, later)
        async with world.watched(ann, view.task.task_id, until_terminal=True) as stream:
            await until(stream, "BOOKMARK")
            await world.threads.run(end, ann, view.task.task_id)
            rest = [message async for message in stream]
        assert rest[-1].task.status == 6


async def test_a_cron_task_does_not_end_between_firings(world: World, ann: Caller, definition: Define) -> None:
    view = await world.create(ann, definition("a", schedule=Schedule(cron_expression="0 0 1 1 *")))
    async with world.watched(ann, view.task.task_id, until_terminal=True) as stream:
        await until(stream, "BOOKMARK")
        await world.finish(await world.threads.run(world.tasks.run, ann, view.task.task_id))
        assert [message.task.status for message in await take(stream, 3)][-1] == 7
        await world.threads.run(world.stopping.stop, ann, view.task.task_id)
        assert [message.task.status async for message in stream] == [6]


async def test_only_what_was_asked_for_comes(world: World, ann: Caller, bob: Caller, definition: Define) -> None:
    for owner, name, module in ((ann, "x", "m"), (ann, "y", "m"), (ann, "x", "n"), (bob, "x", "m")):
        await world.create(owner, definition(name, module))
    async with world.watched(ann, name="x", module="m") as stream:
        assert len(await until(stream, "BOOKMARK")) == 2
        for owner, name, module in ((bob, "x", "m"), (ann, "y", "m"), (ann, "x", "n"), (ann, "x", "m")):
            last = await world.create(owner, definition(name, module))
        assert (await anext(stream)).task.task_id == last.task.task_id


async def test_an_admin_watches_everybody(world: World, ann: Caller, admin: Caller, definition: Define) -> None:
    async with world.watched(admin, owner_id=None) as stream:
        await until(stream, "BOOKMARK")
        await world.create(ann, definition("a"))
        assert (await anext(stream)).task.created_by.id == "ann"


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_task_of_somebody_else_is_not_there(
    world: World, ann: Caller, bob: Caller, definition: Define, resumed: bool
) -> None:
    view = await world.create(ann, definition("a"))
    assert view.position is not None
    since = world.tokens.token(view.position) if resumed else ""
    async with world.watched(bob, view.task.task_id, since=since) as stream:
        with pytest.raises(TaskNotFound):
            await anext(stream)
    async with world.watched(bob, "nothing", since=since) as stream:
        with pytest.raises(TaskNotFound):
            await anext(stream)


async def test_fifty_watchers_have_each_change_once(world: World, ann: Caller, definition: Define) -> None:
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(world.watched(ann)) for _ in range(50)]
        for stream in streams:
            await until(stream, "BOOKMARK")
        for number in range(10):
            await world.create(ann, definition(f"t{number}"))
        for stream in streams:
            assert [message.task.name for message in await take(stream, 10)] == [f"t{number}" for number in range(10)]


async def test_a_watcher_far_behind_gets_all_in_many_reads(
    world: World, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.create(ann, definition("t0"))
    assert first.position is not None
    for module in (watching_module, watch):
        monkeypatch.setattr(module, "BATCH", 2)
    async with world.watched(ann) as live:
        await until(live, "BOOKMARK")
        for number in range(1, 8):
            await world.create(ann, definition(f"t{number}"))
        async with world.watched(ann, since=world.tokens.token(first.position)) as resumed:
            for stream in (live, resumed):
                assert [message.task.name for message in await take(stream, 7)] == [
                    f"t{number}" for number in range(1, 8)
                ]


@pytest.mark.parametrize("position", [Position(0, 0), Position(0, 12), Position(2**40, 2**63 - 1)])
def test_a_watch_token_holds_its_position(position: Position) -> None:
    tokens = WatchTokens(b"k" * 32)
    assert tokens.position(tokens.token(position)) == position


def test_a_watch_token_that_nobody_made_is_refused(ann: Caller) -> None:
    tokens = WatchTokens(b"k" * 32)
    page = PageTokens(b"k" * 32).next_token(task_service_pb2.ListTasksRequest(), ann, "x")
    for token in (
        "",
        "x",
        "0.1",
        page,
        WatchTokens(b"o" * 32).token(Position(0, 1)),
        tokens.token(Position(0, 1)) + "A",
    ):
        with pytest.raises(InvalidWatchToken):
            tokens.position(token)
