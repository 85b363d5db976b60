"""Real use cases on a real SQLite database, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.api.api_world import Start, close_connections
from tests.unit.api.api_world import World as ServedWorld
from tests.unit.api.watch_world import World, ringing

from task_server.api.threads import Threads
from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.schedule import Schedule
from task_server.domain.task import TaskDefinition
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.usecases.ports import Ports


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def ports(database: Database) -> Ports:
    return Ports(database=database, publisher=MemoryPublisher(), bell=MemoryBell(), republish_after_seconds=5)


@pytest.fixture
def threads(database: Database) -> Iterator[Threads]:
    threads = Threads(2)
    yield threads
    close_connections(threads, database)
    threads.close()


@pytest.fixture
def ann() -> Caller:
    return Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")


@pytest.fixture
def bob() -> Caller:
    return Caller(owner=Owner("bob", "Bob"), role=Role.EDITOR, token_id="t2")


@pytest.fixture
def admin() -> Caller:
    return Caller(owner=Owner("root", "Root"), role=Role.ADMIN, token_id="t3")


@pytest.fixture
def definition() -> Callable[..., TaskDefinition]:
    """Makes a task's definition, of which a test names only what matters."""

    def definition(name: str = "t", module: str = "", schedule: Schedule | None = None) -> TaskDefinition:
        action = CodeAction(function_code="def f():\n    return 1", function_name="f")
        return TaskDefinition(name=name, action=action, schedule=schedule or Schedule(), timeout=5.0, module=module)

    return definition


@pytest.fixture
def start(database: Database, ports: Ports, threads: Threads) -> Start:
    """Starts a server with these settings."""
    return lambda **settings: ServedWorld(database, ports, threads, **settings).running()


@pytest.fixture
async def world(ports: Ports, threads: Threads) -> AsyncIterator[World]:
    world = World(ports, threads)
    with ringing(world):
        yield world
