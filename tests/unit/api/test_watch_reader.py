"""The one reader of events in a server: when it reads, and what watchers hear when it, its database or the server goes."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.unit.api.api_world import close_connections, written_log
from tests.unit.api.watch_world import Define, World, ringing, until

from task_server.api import watch
from task_server.api.threads import Threads
from task_server.domain.errors import (
    DatabaseUnavailable,
    ServerStopping,
)
from task_server.domain.event import Event, Position
from task_server.domain.owner import Caller
from task_server.store.database import Database
from task_server.usecases.ports import Ports
from task_server.usecases.watching import Watching


async def test_the_reader_stops_when_nobody_watches_and_starts_again(
    world: World, ann: Caller, definition: Define
) -> None:
    for name in ("a", "b"):
        async with world.watched(ann, name=name) as stream, world.watched(ann, name=name) as other:
            await until(stream, "BOOKMARK")
            await until(other, "BOOKMARK")
            reader = world.watchers._reader
            assert reader is not None
            await world.create(ann, definition(name))
            assert (await anext(stream)).task.name == name
        assert world.watchers._reader is None
        await asyncio.wait([reader])
        assert reader.cancelled()


async def test_without_the_bell_changes_are_seen_at_the_next_look(
    ports: Ports, threads: Threads, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_POLL_SECONDS", 0.02)
    world = World(ports, threads)
    async with world.watched(ann) as stream:
        await until(stream, "BOOKMARK")
        await world.create(ann, definition("a"))
        assert (await anext(stream)).task.name == "a"


async def test_watchers_wait_for_a_database_that_is_away(
    world: World, database: Database, ann: Caller, definition: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_POLL_SECONDS", 0.02)
    async with world.watched(ann) as stream:
        await until(stream, "BOOKMARK")
        away = database.path.rename(database.path.with_suffix(".away"))
        database.path.mkdir()
        with written_log() as log:
            close_connections(world.threads, database)
            await log.line("waits for the database")
            # Told once, however often it was looked; and nobody is let in meanwhile who could not be told the state.
            async with world.watched(ann) as newcomer:
                with pytest.raises(DatabaseUnavailable):
                    await anext(newcomer)
            assert log.getvalue().count("waits for the database") == 1
        database.path.rmdir()
        away.rename(database.path)
        await world.create(ann, definition("back"))
        assert (await anext(stream)).task.name == "back"


async def test_a_first_watcher_is_told_that_the_database_is_away_and_may_come_again(
    world: World, database: Database, ann: Caller
) -> None:
    close_connections(world.threads, database)
    away = database.path.rename(database.path.with_suffix(".away"))
    database.path.mkdir()
    async with world.watched(ann) as stream:
        with pytest.raises(DatabaseUnavailable):
            await anext(stream)
    database.path.rmdir()
    away.rename(database.path)
    async with world.watched(ann) as stream:
        await until(stream, "BOOKMARK")


async def test_a_defect_of_the_reader_ends_its_watchers_and_the_next_has_another(
    ports: Ports, threads: Threads, ann: Caller, definition: Define
) -> None:
    class Broken(Watching):
        is_broken = True

        def after(self, position: Position, *, task_id: str = "", owner_id: str | None = None) -> list[Event]:
            if self.is_broken:
                raise RuntimeError("a row that can not be read")
            return super().after(position, task_id=task_id, owner_id=owner_id)

    broken = Broken(ports)
    world = World(ports, threads, broken)
    with ringing(world):
        async with world.watched(ann) as stream:
            await until(stream, "BOOKMARK")
            with written_log() as log:
                await world.create(ann, definition("a"))
                with pytest.raises(ServerStopping):
                    await anext(stream)
                assert "a row that can not be read" in log.getvalue()
        broken.is_broken = False
        async with world.watched(ann) as stream:
            await until(stream, "BOOKMARK")
            await world.create(ann, definition("b"))
            assert (await anext(stream)).task.name == "b"


async def test_when_the_server_goes_its_watchers_are_told(world: World, ann: Caller) -> None:
    async with world.watched(ann) as stream, world.watched(ann) as other:
        await until(stream, "BOOKMARK")
        await until(other, "BOOKMARK")
        world.watchers.close()
        for ended in (stream, other):
            with pytest.raises(ServerStopping):
                await anext(ended)


@pytest.mark.parametrize("turns", range(4))
async def test_a_ring_as_the_server_goes_keeps_no_reader(world: World, ann: Caller, turns: int) -> None:
    async with world.watched(ann) as stream:
        await until(stream, "BOOKMARK")
        reader = world.watchers._reader
        assert reader is not None
        await asyncio.sleep(0.05)  # it waits for a ring now, if it read once more
        world.watchers.rung()
        for _ in range(turns):
            await asyncio.sleep(0)
        world.watchers.close()
        await asyncio.wait([reader], timeout=30)
        assert reader.cancelled()


async def test_a_watch_that_began_as_the_server_went_is_told_and_leaves_no_reader(
    ports: Ports, threads: Threads
) -> None:
    asked, answered = threading.Event(), threading.Event()

    class Slow(Watching):
        def head(self) -> Position:
            asked.set()
            assert answered.wait(timeout=30)
            return super().head()

    watchers = World(ports, threads, Slow(ports)).watchers

    async def subscribe() -> None:
        async with watchers.subscribed():
            raise AssertionError("subscribed at a server that goes away")

    subscribing = asyncio.create_task(subscribe())
    assert await asyncio.to_thread(asked.wait, 30)
    watchers.close()
    answered.set()
    with pytest.raises(ServerStopping):
        await subscribing
    assert watchers._reader is None
