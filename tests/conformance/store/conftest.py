"""Every test here runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import Clock

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.owner import Caller, Grant, Owner, Role
from task_server.notifier.bell import MemoryBell, Topic
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.usecases.executions import Executions
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.registering import Registering
from task_server.usecases.running import Running


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'test.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    migrate(empty_database)
    return empty_database


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
def ports(database: Database, publisher: MemoryPublisher) -> Ports:
    return Ports(database=database, publisher=publisher, bell=MemoryBell(), republish_after_seconds=5)


@pytest.fixture
def observing(ports: Ports) -> Observing:
    return Observing(ports)


@pytest.fixture
def rings(ports: Ports) -> Iterator[list[str]]:
    """How often the scheduler was woken for what will be due soon."""
    heard: list[str] = []
    with ports.bell.listen(Topic.DUE, heard.append):
        yield heard


@pytest.fixture
def caller() -> Caller:
    return Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")


@pytest.fixture
def stranger() -> Caller:
    return Caller(owner=Owner("bob", "Bob"), role=Role.EDITOR, token_id="t2")


@pytest.fixture
def admin() -> Caller:
    return Caller(owner=Owner("root", "Root"), role=Role.ADMIN, token_id="t3")


@pytest.fixture
def service(caller: Caller) -> Caller:
    """A service account: it may register for others."""
    return replace(caller, owner=Owner("svc", "Service"), grants=frozenset({Grant.REGISTER_FOR_OTHERS}))


@pytest.fixture
def registering(ports: Ports) -> Registering:
    return Registering(ports)


@pytest.fixture
def executions(ports: Ports) -> Executions:
    return Executions(ports)


@pytest.fixture
def running(ports: Ports) -> Running:
    return Running(ports, lease_seconds=30)


@pytest.fixture
def clock(database: Database) -> Clock:
    return Clock(database)
