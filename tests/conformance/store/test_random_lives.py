"""Tasks whose lives take random turns: whatever comes after whatever, nothing waits for ever, and no count or status lies."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import pytest
from tests.conformance.store.engine_values import SUCCESS, definition

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.clock import NEVER
from task_server.domain.errors import InvalidFields, TaskEnded, TaskStarted
from task_server.domain.execution import Execution
from task_server.domain.explanation import Cause
from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import TaskDefinition
from task_server.store import executions, tasks
from task_server.store.tables.executions import AttemptRow, ExecutionRow
from task_server.usecases.expiring import Expiring
from task_server.usecases.explaining import Explaining
from task_server.usecases.firing import Firing
from task_server.usecases.pausing import Pausing
from task_server.usecases.publishing import Publishing
from task_server.usecases.rerunning import Rerunning
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

_TURNS = 100
#: Why a task may be where it stands. No process appears here; the time of what is SCHEDULED may have come.
_CAUSES = {
    TaskStatus.PENDING: {Cause.NO_WORKER},
    TaskStatus.STARTED: {Cause.RUNNING, Cause.STOPPING, Cause.LEASE_EXPIRED, Cause.OVERLAP_HELD},
    TaskStatus.RETRY: {Cause.WAITING_FOR_RETRY, Cause.NO_WORKER},
    TaskStatus.SCHEDULED: {Cause.SCHEDULED, Cause.NO_WORKER, Cause.NO_SCHEDULER},
    TaskStatus.PAUSED: {Cause.PAUSED},
    TaskStatus.SUCCESS: {Cause.SUCCEEDED},
    TaskStatus.FAILURE: {Cause.FAILED},
    TaskStatus.REVOKED: {Cause.STOPPED},
}
_FAILED = [
    Outcome(status=ExecutionStatus.FAILURE, error="no", failure_reason=reason)
    for reason in (FailureReason.EXCEPTION, FailureReason.SANDBOX_UNAVAILABLE)
]


class Life:
    """A task, with its workers and its scheduler."""

    def __init__(self, ports, caller, clock, seed: int) -> None:
        self.ports, self.caller, self.clock = ports, caller, clock
        self.random = random.Random(seed)
        self.running = Running(ports, lease_seconds=10, max_lost_attempts=3)
        self.firing, self.rescuing, self.expiring = Firing(ports), Rescuing(ports, 3), Expiring(ports)
        self.publishing = Publishing(ports, ports.publisher)
        self.goes_by_cron = self.random.random() < 0.75
        self.task_id = Tasks(ports).create(caller, self.definition()).task.task_id
        self.held: dict[str, int] = {}
        self.rerun_args: dict[str, str] = {}
        #: What is done, the more often the higher the number.
        self.turns: dict[Callable[[], object], int] = {
            self.pass_time: 6,
            self.firing.fire_due: 5,
            self.claim: 5,
            self.finish: 3,
            self.release: 1,
            self.held.clear: 1,  # the workers die
            lambda: self.running.renew(list(self.held.items())): 1,
            self.rescuing.rescue: 1,
            self.expiring.expire: 1,
            self.publishing.publish_due: 1,
            lambda: Tasks(ports).run(caller, self.task_id): 1,
            self.rerun: 1,
            lambda: Pausing(ports).pause(caller, self.task_id): 1,
            lambda: Pausing(ports).resume(caller, self.task_id): 2,
            self.update: 1,
        }

    def definition(self) -> TaskDefinition:
        choose = self.random.choice
        schedule = (
            Schedule(
                cron_expression="*/2 * * * * *",
                overlap_policy=choose(list(OverlapPolicy)),
                max_runs=choose([0, 0, 8]),
                jitter_seconds=choose([0.0, 0.0, 3.0]),
            )
            if self.goes_by_cron
            else Schedule(delay_seconds=choose([0.0, 3.0, 8.0]))
        )
        return definition(
            schedule=schedule,
            retry_policy=choose([None, RetryPolicy(max_retries=2, initial_backoff=2.0)]),
            deadline_seconds=choose([0.0, 0.0, 7.0]),
            queue=choose(["default", "other"]),
            action=CodeAction(function_code="def f(n): return n", function_name="f", args=[choose(range(9))]),
        )

    def pass_time(self) -> None:
        self.clock.sleep(self.random.choice([0.5, 1, 2, 5]))

    def claim(self) -> None:
        if unfinished := self.unfinished():
            claim = self.running.claim(self.random.choice(unfinished).id, "w1")
            if claim is not None:
                self.held[claim.execution_id] = claim.attempt
                with self.ports.database.read():
                    assert executions.arguments(claim.execution_id) == (claim.action.args, claim.action.kwargs)

    def finish(self) -> None:
        if self.held:
            execution_id, attempt = self.held.popitem()
            self.running.finish(execution_id, attempt, self.random.choice([SUCCESS, SUCCESS, *_FAILED]))

    def release(self) -> None:
        if self.held:
            self.running.release(*self.held.popitem())

    def rerun(self) -> None:
        """Two of its runs, whatever became of them."""
        with self.ports.database.read():
            ids = [row.id for row in ExecutionRow.select().order_by(ExecutionRow.id)]
        if ids:
            use = Rerunning(self.ports)
            use.rerun(self.caller, use.named(self.caller, self.random.sample(ids, min(2, len(ids)))))

    def update(self) -> None:
        base = Updating(self.ports).read(self.caller, self.task_id, "")
        Updating(self.ports).update(self.caller, base, "", self.definition())

    def unfinished(self) -> list[Execution]:
        with self.ports.database.read():
            return executions.unfinished(self.task_id)

    def take_turn(self) -> None:
        (turn,) = self.random.choices(list(self.turns), list(self.turns.values()))
        with contextlib.suppress(TaskEnded, TaskStarted, InvalidFields):
            turn()

    def check(self) -> None:
        """What holds after every turn."""
        with self.ports.database.read():
            task = tasks.get(self.task_id)
            unfinished = executions.unfinished(self.task_id)
            rows = {row.id: row for row in ExecutionRow.select()}
        for run in unfinished:
            row = rows[run.id]
            assert (row.lease_until is not None) == (run.status is ExecutionStatus.STARTED)
            if run.status.is_waiting:
                assert run.held == (row.publish_after == NEVER)
        self.check_reruns(rows)
        if task.paused_at is None and unfinished:
            assert not all(run.held for run in unfinished), "nothing will let them go"
        to_come = bool(unfinished) or task.next_run_at is not None
        if task.paused_at is None or unfinished:
            assert task.status.is_terminal != to_come
        if not self.goes_by_cron and task.next_run_at is not None:
            assert task.next_run_at in [run.due_at for run in unfinished]
        assert Explaining(self.ports).explain(self.caller, self.task_id).cause in _CAUSES[task.status]

    def check_reruns(self, rows: dict[str, ExecutionRow]) -> None:
        """A rerun has the arguments that its run had when it was made, whatever the task was told since."""
        for row in rows.values():
            if row.rerun_of:
                known = self.rerun_args.setdefault(row.id, rows[row.rerun_of].task_args)
                assert row.task_args == known

    def end(self, publisher: MemoryPublisher) -> None:
        """Let a scheduler and a worker do what they do, until nothing is to come, or the task is stopped."""
        Pausing(self.ports).resume(self.caller, self.task_id)
        for turn in range(30):
            if turn == 15 and self.goes_by_cron:
                Stopping(self.ports).stop(self.caller, self.task_id)
            self.clock.sleep(5)
            while self.firing.fire_due():
                pass
            self.rescuing.rescue()
            self.expiring.expire()
            publisher.messages.clear()
            Publishing(self.ports, publisher).publish_due()
            for message in publisher.messages[:]:
                claim = self.running.claim(message.execution_id, "w1")
                if claim is not None:
                    self.running.finish(claim.execution_id, claim.attempt, SUCCESS)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_waits_for_ever_and_nothing_lies_whatever_happens(ports, caller, clock, publisher, seed):
    life = Life(ports, caller, clock, seed)
    for _ in range(_TURNS):
        life.take_turn()
        life.check()

    life.end(publisher)

    assert life.unfinished() == []
    with ports.database.read():
        task = tasks.get(life.task_id)
        made = ExecutionRow.select()
        assert task.status in (TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.REVOKED)
        assert task.run_count == made.count()
        assert task.fire_count == made.where(ExecutionRow.scheduled_for.is_null(False)).count()
        assert AttemptRow.select().where(AttemptRow.finished_at.is_null()).count() == 0
        assert AttemptRow.select().count() == sum(row.attempt for row in made)


def test_a_task_stands_where_its_newest_run_does_of_those_that_are_as_far(ports, caller, running, clock):
    """However many runs it has, a few rows say so."""
    task_id = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 1 1 *"))).task.task_id
    ids = [Tasks(ports).run(caller, task_id).last_execution.id for _ in range(30)]
    for execution_id in (ids[3], ids[7]):
        assert running.claim(execution_id, "w1") is not None

    with ports.database.read():
        assert [place.status for place in executions.places(task_id, clock.now)] == ["STARTED", "PENDING"]
        assert [place.is_due for place in executions.places(task_id, clock.now - 1)] == [False, False]
