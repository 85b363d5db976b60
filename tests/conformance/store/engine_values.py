"""What the tests of the use cases share: a task, how a run can end, and times that have come."""

from __future__ import annotations

from task_server.domain.actions import CodeAction
from task_server.domain.clock import SECOND
from task_server.domain.outcome import Isolation, Outcome, Usage
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import TaskDefinition
from task_server.store.tables import ExecutionRow, TaskRow
from task_server.usecases.tasks import Tasks

SUCCESS = Outcome(
    status=ExecutionStatus.SUCCESS,
    result_json='{"n":7}',
    isolation=Isolation(level="process", layers=("rlimits",)),
    usage=Usage(cpu_seconds=0.5, peak_memory_bytes=1024),
)
REVOKED = Outcome(status=ExecutionStatus.REVOKED)


def definition(**changes) -> TaskDefinition:
    return TaskDefinition(
        **{
            "name": "add",
            "action": CodeAction(function_code="def f(): return 7", function_name="f", args=[1], kwargs={"k": "ü"}),
            "timeout": 5.0,
            **changes,
        }
    )


def status(ports, caller, task_id) -> TaskStatus:
    return Tasks(ports).get(caller, task_id, full=False).task.status


def come_due(ports, view) -> None:
    with ports.database.write():
        now = ports.database.now()
        TaskRow.update(next_run_at=now).where(TaskRow.task_id == view.task.task_id).execute()
        ExecutionRow.update(due_at=now, publish_after=now).where(ExecutionRow.id == view.last_execution.id).execute()


def missed(ports, view, seconds_ago: int) -> int:
    with ports.database.write():
        fire_time = ports.database.now() - seconds_ago * SECOND
        TaskRow.update(next_run_at=fire_time).where(TaskRow.task_id == view.task.task_id).execute()
    return fire_time
