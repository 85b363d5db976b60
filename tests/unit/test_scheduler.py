"""The scheduler's loop, on a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from task_server.dispatch.publisher import MemoryPublisher, Message, PublishError
from task_server.domain.actions import CodeAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.schedule import Schedule
from task_server.domain.task import TaskDefinition
from task_server.notifier.bell import MemoryBell
from task_server.scheduler.scheduler import Scheduler
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.usecases.calling import Calling
from task_server.usecases.expiring import Expiring
from task_server.usecases.firing import Firing
from task_server.usecases.observing import Observing
from task_server.usecases.ports import Ports
from task_server.usecases.publishing import Publishing
from task_server.usecases.reconciling import Reconciling
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.tasks import Tasks

CALLER = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")


class Broker(MemoryPublisher):
    """Takes messages, unless it is away, and tells when one came."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.came = threading.Condition()

    def publish(self, message: Message) -> None:
        with self.came:
            if self.away:
                raise PublishError("connection refused")
            super().publish(message)
            self.came.notify_all()

    def wait_for(self, count: int) -> None:
        """Until so many executions were published; one may come twice."""
        with self.came:
            assert self.came.wait_for(lambda: len(set(self.messages)) >= count, 15), "nothing was published"


class Clockwork:
    """A running scheduler. Its interval is so long that only due times and the bell can wake it."""

    def __init__(self, tmp_path, interval_seconds: float = 60.0) -> None:
        self.database = Database(f"sqlite:///{tmp_path / 'test.db'}")
        migrate(self.database)
        self.broker = Broker()
        self.bell = MemoryBell()
        # What is made is not published by whoever made it: here all publishing is the scheduler's.
        ports = Ports(database=self.database, publisher=MemoryPublisher(), bell=self.bell, republish_after_seconds=0.1)
        self.tasks = Tasks(ports)
        self.scheduler = Scheduler(
            database=self.database,
            firing=Firing(ports),
            publishing=Publishing(ports, self.broker),
            rescuing=Rescuing(ports, max_lost_attempts=3),
            expiring=Expiring(ports),
            calling=Calling(ports),
            reconciling=Reconciling(ports, Observing(ports), 7 * 86_400),
            interval_seconds=interval_seconds,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.scheduler.run(self.bell)
        self.database.close()

    def create(self, **schedule) -> str:
        action = CodeAction(function_code="def f(): pass", function_name="f")
        definition = TaskDefinition(name="n", action=action, timeout=5, schedule=Schedule(**schedule))
        return self.tasks.create(CALLER, definition).task.task_id

    def close(self) -> None:
        self.scheduler.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.database.close()


@pytest.fixture
def clockwork(tmp_path) -> Iterator[Clockwork]:
    clockwork = Clockwork(tmp_path)
    yield clockwork
    clockwork.close()


def test_a_short_delay_made_while_it_sleeps_is_published_in_time_and_not_before(clockwork):
    began = time.time()
    clockwork.create(delay_seconds=0.4)

    clockwork.broker.wait_for(1)

    assert 0.4 <= time.time() - began < 10


def test_cron_fires_on_the_second(clockwork):
    task_id = clockwork.create(cron_expression="* * * * * *", max_runs=2)

    clockwork.broker.wait_for(2)

    task = clockwork.tasks.get(CALLER, task_id, full=False).task
    assert (task.fire_count, task.next_run_at) == (2, None)


def test_what_the_broker_did_not_take_is_published_when_it_is_back(tmp_path):
    clockwork = Clockwork(tmp_path, interval_seconds=0.05)
    clockwork.broker.away = True
    clockwork.create(delay_seconds=0.05)
    with clockwork.broker.came:
        clockwork.broker.came.wait(0.3)
        assert clockwork.broker.messages == []
        clockwork.broker.away = False

    clockwork.broker.wait_for(1)
    clockwork.close()


def test_it_stops_at_once_while_it_sleeps(clockwork):
    began = time.monotonic()
    clockwork.close()
    assert time.monotonic() - began < 5
