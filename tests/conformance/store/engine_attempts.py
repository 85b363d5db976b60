"""What the tests of attempts share: a task that may be tried again, an attempt that fails, and the next one's time."""

from __future__ import annotations

from tests.conformance.store.engine_values import definition

from task_server.domain.outcome import Outcome
from task_server.domain.retry import RetryPolicy
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.executions import Executions
from task_server.usecases.tasks import Tasks

FAILED = Outcome(
    status=ExecutionStatus.FAILURE,
    error="ValueError: bad",
    traceback="line 2, in f",
    failure_reason=FailureReason.EXCEPTION,
)
TWICE = RetryPolicy(max_retries=2, initial_backoff=10.0)


def create(ports, caller, **changes):
    return Tasks(ports).create(caller, definition(**{"retry_policy": TWICE, **changes}))


def fail(running, execution_id, outcome=FAILED):
    claim = running.claim(execution_id, "w1")
    assert claim is not None
    assert running.finish(execution_id, claim.attempt, outcome)


def come_due_again(ports, execution_id) -> None:
    with ports.database.write():
        now = ports.database.now()
        ExecutionRow.update(due_at=now, publish_after=now).where(ExecutionRow.id == execution_id).execute()


def row(ports, execution_id):
    with ports.database.read():
        return ExecutionRow.get(ExecutionRow.id == execution_id)


def execution(ports, caller, execution_id):
    return Executions(ports).get(caller, execution_id, full=True)
