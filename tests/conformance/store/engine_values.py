"""What the tests of the use cases share: a task, how a run can end, and times that have come."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from task_server.domain.actions import CodeAction
from task_server.domain.clock import SECOND
from task_server.domain.outcome import Isolation, Limits, Outcome, Usage
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import TaskDefinition
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.tasks import Tasks

SUCCESS = Outcome(
    status=ExecutionStatus.SUCCESS,
    result_json='{"n":7}',
    isolation=Isolation(
        level="process",
        layers=("rlimits",),
        limits=Limits(
            wall_seconds=5.0, cpu_seconds=6, memory_bytes=1 << 40, output_bytes=7, result_bytes=8, open_files=9
        ),
    ),
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


def at_once(database, count: int, work) -> list:
    """What `work` gives in each of so many threads that begin together. Raises what any of them raised."""
    together = threading.Barrier(count)

    def begin():
        together.wait()
        try:
            return work()
        finally:
            database.close()

    with ThreadPoolExecutor(count) as threads:
        return [begun.result() for begun in [threads.submit(begin) for _ in range(count)]]


class Clock:
    """The database's clock, in the hand of a test; it stands still unless it is moved."""

    def __init__(self, database) -> None:
        self.now = database.now()
        database.now = lambda: self.now

    def sleep(self, seconds: float) -> int:
        """Move on; return the time."""
        self.now += round(seconds * SECOND)
        return self.now

    def sleep_until(self, time: int) -> int:
        self.now = max(self.now, time)
        return self.now
