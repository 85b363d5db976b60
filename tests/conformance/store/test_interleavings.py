"""Two at the same rows at once, in the order in which it would go wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.conformance.store.engine_values import SUCCESS, definition

from task_server.domain.listing import TaskFilter
from task_server.domain.status import ExecutionStatus
from task_server.store import executions, places
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases import stopping
from task_server.usecases.calling import Calling
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

#: How long one waits for what can not come, since the other one waits for a lock.
_PATIENCE = 0.5


class Meanwhile:
    """Something that is done in another thread, with what it gave or raised."""

    def __init__(self, ports, do: Callable[[], object]) -> None:
        self._ports, self._do = ports, do
        self.result: object = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._do()
        except Exception as error:
            self.result = error
        finally:
            self._ports.database.close()

    def join(self, seconds: float | None = None) -> object:
        self._thread.join(seconds)
        return self.result


def test_a_stop_by_filter_and_a_renewal_of_leases_do_not_wait_for_each_other(ports, caller, running, monkeypatch):
    older, newer = (Tasks(ports).create(caller, definition()) for _ in range(2))
    first = running.claim(older.last_execution.id, "w1")
    running.finish(first.execution_id, first.attempt, SUCCESS)
    # The run of the older task is the newer one.
    runs = [newer.last_execution.id, Tasks(ports).run(caller, older.task.task_id).last_execution.id]
    assert runs == sorted(runs)
    for run in runs:
        assert running.claim(run, "w1").attempt == 1
    renewed, stopped = threading.Event(), threading.Event()

    def renew(execution_id: str, attempt: int, until: int) -> bool:
        done = real_renew(execution_id, attempt, until)
        renewed.set()
        stopped.wait(_PATIENCE)
        return done

    def stop_locked(*arguments):
        done = real_stop(*arguments)
        stopped.set()
        return done

    real_renew, real_stop = executions.renew, stopping.stop_locked
    monkeypatch.setattr(executions, "renew", renew)
    monkeypatch.setattr(stopping, "stop_locked", stop_locked)

    renewal = Meanwhile(ports, lambda: running.renew([(run, 1) for run in runs]))
    assert renewed.wait(60)
    stops = Stopping(ports).stop_some(caller, TaskFilter(owner_id="ann"), "", Stopping(ports).newest_id())

    assert (stops.stopped, renewal.join()) == (2, set())
    assert running.to_stop(runs) == set(runs)


def test_of_a_rescue_and_a_late_renewal_one_comes_too_late(ports, caller, running, monkeypatch):
    run = Tasks(ports).create(caller, definition()).last_execution.id
    Running(ports, lease_seconds=-1).claim(run, "w1")
    renewals = []

    def lease_until(execution_id: str):
        until = real(execution_id)
        renewals.append(Meanwhile(ports, lambda: running.renew([(run, 1)])))
        renewals[0].join(_PATIENCE)
        return until

    real = executions.lease_until
    monkeypatch.setattr(executions, "lease_until", lease_until)

    rescued = Rescuing(ports, max_lost_attempts=3).rescue()

    gone = renewals[0].join()
    assert (rescued, gone) == (1, {run})
    with ports.database.read():
        assert executions.get(run).status is ExecutionStatus.PENDING


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_a_place_that_is_left_while_the_next_is_locked_is_given_on_by_the_scheduler(ports, caller, publisher, running):
    views = [Tasks(ports).create(caller, definition(concurrency_key="k", max_concurrent=1)) for _ in range(2)]
    first, second = (view.last_execution.id for view in views)
    assert running.claim(first, "w1") is not None
    assert running.claim(second, "w1") is None
    publisher.messages.clear()
    locked, left = threading.Event(), threading.Event()

    def look_at_it() -> None:
        with ports.database.write():
            list(ExecutionRow.select().where(ExecutionRow.id == second).for_update())
            locked.set()
            left.wait(60)

    other = Meanwhile(ports, look_at_it)
    assert locked.wait(60)
    assert running.finish(first, 1, SUCCESS)
    assert publisher.messages == []
    assert Calling(ports).call_waiting() == 0
    left.set()
    assert other.join() is None

    assert Calling(ports).call_waiting() == 1
    assert [message.execution_id for message in publisher.messages] == [second]
    assert running.claim(second, "w1") is not None


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_who_finds_no_place_just_when_one_is_left_is_called(ports, caller, publisher, running, monkeypatch):
    """The claim holds the scope and has counted; the end of the one that runs waits for it, and sees who waits."""
    views = [Tasks(ports).create(caller, definition(concurrency_key="k", max_concurrent=1)) for _ in range(2)]
    first, second = (view.last_execution.id for view in views)
    assert running.claim(first, "w1") is not None
    publisher.messages.clear()
    ends: list[Meanwhile] = []

    def wait(execution_id: str, scope: str) -> None:
        ends.append(Meanwhile(ports, lambda: running.finish(first, 1, SUCCESS)))
        ends[0].join(_PATIENCE)
        real(execution_id, scope)

    real = places.wait
    monkeypatch.setattr(places, "wait", wait)

    assert running.claim(second, "w1") is None
    assert ends[0].join() is True
    assert [message.execution_id for message in publisher.messages] == [second]
    assert running.claim(second, "w1") is not None
