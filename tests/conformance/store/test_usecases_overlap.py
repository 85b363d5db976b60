"""Overlap: what becomes of a firing while an earlier execution of its task has not ended."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.store.engine_values import REVOKED, SUCCESS, definition

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.execution import Execution
from task_server.domain.listing import ExecutionFilter
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.notifier.bell import Topic
from task_server.store import execution_pages
from task_server.store.tables.events import EventRow
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.firing import Firing
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks

PENDING, STARTED, ENDED = ExecutionStatus.PENDING, ExecutionStatus.STARTED, ExecutionStatus.REVOKED


class Fired:
    """A task that fires each second, by its policy; a test says when a second has passed."""

    def __init__(self, ports, caller, clock, policy: OverlapPolicy, **fields) -> None:
        self.ports, self.caller, self.clock = ports, caller, clock
        schedule = Schedule(cron_expression="* * * * * *", overlap_policy=policy, **fields)
        self.task = Tasks(ports).create(caller, definition(schedule=schedule)).task
        self.firing = Firing(ports)
        clock.sleep_until(self.task.next_run_at - SECOND)

    def tick(self, seconds: int = 1) -> Execution:
        """Let the next firing come; return the latest execution."""
        self.clock.sleep(seconds)
        self.firing.fire_due()
        return self.runs()[-1]

    def runs(self) -> list[Execution]:
        with self.ports.database.read():
            return execution_pages.page(ExecutionFilter(parent_task=self.task.task_id), (), 1000)[::-1]

    def stored(self):
        return Tasks(self.ports).get(self.caller, self.task.task_id, full=False).task

    def statuses(self) -> list[ExecutionStatus]:
        return [run.status for run in self.runs()]


@pytest.fixture
def fires(ports, caller, clock):
    return lambda policy, **fields: Fired(ports, caller, clock, policy, **fields)


def published(publisher) -> list[str]:
    return [message.execution_id for message in publisher.messages]


def start(running, run: Execution):
    claim = running.claim(run.id, "w1")
    assert claim is not None
    return claim


@pytest.mark.parametrize("policy", list(OverlapPolicy))
def test_a_firing_runs_at_once_when_the_earlier_one_has_ended(fires, running, publisher, policy):
    fired = fires(policy)
    for _ in range(3):
        run = fired.tick()
        claim = start(running, run)
        assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert published(publisher) == [run.id for run in fired.runs()]
    assert fired.stored().skipped_count == 0


def test_allowed_firings_run_side_by_side(fires, running):
    fired = fires(OverlapPolicy.ALLOW)
    for _ in range(3):
        start(running, fired.tick())
    assert fired.statuses() == [STARTED] * 3


@pytest.mark.parametrize("begins", [True, False])
def test_a_new_firing_is_skipped_while_the_earlier_one_runs_or_waits(fires, running, ports, begins):
    fired = fires(OverlapPolicy.SKIP_NEW)
    first = fired.tick()
    claim = start(running, first) if begins else None
    events = EventRow.select().where(EventRow.task_id == fired.task.task_id)
    with ports.database.read():
        told = events.count()

    assert fired.tick() == fired.runs()[0]

    after = fired.stored()
    assert (after.fire_count, after.skipped_count, after.missed_count) == (1, 1, 0)
    assert 0 < after.next_run_at - fired.clock.now <= SECOND
    with ports.database.read():
        assert events.count() == told + 1  # watchers hear of what was left out
    claim = claim or start(running, first)
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert fired.tick().id != first.id
    assert fired.stored().fire_count == 2


def test_of_several_that_are_due_at_once_one_is_not_skipped(fires):
    fired = fires(OverlapPolicy.SKIP_NEW)
    fired.tick(5)
    after = fired.stored()
    assert (after.fire_count, after.skipped_count) == (1, 4)


def test_a_skipped_last_firing_ends_the_schedule_with_its_run(fires, running, clock):
    fired = fires(OverlapPolicy.SKIP_NEW, end_at=clock.now + 3 * SECOND)
    claim = start(running, fired.tick())
    fired.tick(2)
    after = fired.stored()
    assert (after.next_run_at, after.status) == (None, TaskStatus.STARTED)
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert fired.stored().status is TaskStatus.SUCCESS


def test_one_firing_waits_for_the_earlier_one_and_no_more(fires, running, publisher):
    fired = fires(OverlapPolicy.QUEUE_ONE)
    claim = start(running, fired.tick())

    second = fired.tick()
    assert (second.status, second.held) == (PENDING, True)
    assert running.claim(second.id, "w2") is None
    assert ExecutionRow.get_by_id(second.id).publish_after == NEVER
    fired.tick()
    assert len(fired.runs()) == 2
    assert (fired.stored().fire_count, fired.stored().skipped_count) == (2, 1)

    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert published(publisher) == [claim.execution_id, second.id]
    claim = start(running, second)
    third = fired.tick()
    assert third.held
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert running.claim(third.id, "w1") is not None


def test_a_new_firing_stops_the_running_one_and_waits_for_its_end(fires, running, publisher, ports):
    fired = fires(OverlapPolicy.CANCEL_RUNNING)
    rung: list[str] = []
    with ports.bell.listen(Topic.STOP, rung.append):
        claim = start(running, fired.tick())

        second = fired.tick()

        assert rung == [claim.execution_id]
        first = fired.runs()[0]
        assert first.stop_requested_at == fired.clock.now
        assert (second.status, second.held) == (PENDING, True)

        # While the first is still ending, a third takes the place of the second; the first is not told again.
        third = fired.tick()
        assert rung == [claim.execution_id]
    second = fired.runs()[1]
    assert (second.status, second.held) == (ENDED, False)
    assert "the next firing of its task was due" in second.error
    assert third.held

    running.finish(claim.execution_id, claim.attempt, REVOKED)
    assert published(publisher) == [claim.execution_id, third.id]
    assert running.claim(third.id, "w1") is not None
    after = fired.stored()
    assert (after.fire_count, after.skipped_count, after.status) == (3, 0, TaskStatus.STARTED)


def test_runs_of_two_tasks_are_not_stopped_in_one_transaction(fires, running):
    """Leases are renewed in the order of the executions' ids: whoever locked them in another one might wait for ever."""
    several = [fires(OverlapPolicy.CANCEL_RUNNING) for _ in range(3)]
    several[0].tick()
    for fired in several:
        start(running, fired.runs()[0])
    several[0].clock.sleep(1)
    firing, turns = Firing(several[0].ports), []
    while handled := firing.fire_due():
        turns.append(handled)
    assert turns == [1, 1, 1]
    assert all(fired.runs()[0].stop_requested_at for fired in several)


def test_a_new_firing_takes_the_place_of_one_that_has_not_begun(fires, publisher):
    fired = fires(OverlapPolicy.CANCEL_RUNNING)
    first = fired.tick()
    second = fired.tick()
    assert fired.statuses() == [ENDED, PENDING]
    assert not second.held
    assert fired.runs()[0].error == (
        "stopped before it began, because the next firing of its task was due (overlap policy CANCEL_RUNNING)"
    )
    assert published(publisher) == [first.id, second.id]
    assert fired.stored().status is TaskStatus.PENDING


def test_a_run_of_the_users_own_is_an_earlier_one_and_asks_for_no_leave(fires, running, ports, caller):
    fired = fires(OverlapPolicy.SKIP_NEW)
    start(running, fired.tick())
    extra = Tasks(ports).run(caller, fired.task.task_id).last_execution
    claim = start(running, extra)
    running.finish(fired.runs()[0].id, 1, SUCCESS)
    fired.tick()
    assert fired.stored().skipped_count == 1
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    fired.tick()
    assert fired.stored().fire_count == 2


@pytest.mark.parametrize("policy", [OverlapPolicy.QUEUE_ONE, OverlapPolicy.CANCEL_RUNNING])
def test_a_stop_ends_what_is_held_too(fires, running, ports, caller, policy):
    fired = fires(policy)
    claim = start(running, fired.tick())
    held = fired.tick()
    stopped = Stopping(ports).stop(caller, fired.task.task_id)
    assert (stopped.never_started, stopped.running) == ([held.id], [claim.execution_id])
    running.finish(claim.execution_id, claim.attempt, REVOKED)
    assert fired.statuses() == [ENDED, ENDED]
    assert fired.stored().status is TaskStatus.REVOKED


@pytest.mark.parametrize("policy", [OverlapPolicy.QUEUE_ONE, OverlapPolicy.CANCEL_RUNNING, OverlapPolicy.SKIP_NEW])
def test_runs_that_end_while_schedulers_fire_leave_nothing_behind(fires, running, ports, clock, policy):
    """However a run's end and the next firing meet, one run at a time goes on, and none is held for ever."""
    fired = fires(policy)
    stop = threading.Event()

    def fire() -> None:
        firing = Firing(ports)
        while not stop.is_set():
            firing.fire_due()
        ports.database.close()

    threads = [threading.Thread(target=fire) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            clock.sleep(1)
            for run in fired.runs():
                claim = running.claim(run.id, "w1")
                if claim is not None:
                    assert fired.statuses().count(STARTED) == 1
                    running.finish(claim.execution_id, claim.attempt, SUCCESS)
            while fired.stored().next_run_at <= clock.now:
                pass  # a scheduler is about to handle it
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    fired.firing.fire_due()
    for run in fired.runs():
        if (claim := running.claim(run.id, "w1")) is not None:
            running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert not [run for run in fired.runs() if run.held or not run.status.is_terminal]
    after = fired.stored()
    assert after.fire_count > 5
    assert after.fire_count + after.skipped_count == (after.next_run_at - fired.task.next_run_at) // SECOND
