"""Waiting for a task to be final: the rules of `wait`, the same for both clients. No input or output here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from task_manager.errors import DeadlineExceeded, TaskNeverEnds, TaskNeverRan, WaitTimeout
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task

FINAL = frozenset({Task.SUCCESS, Task.FAILURE, Task.REVOKED})
"""The statuses that a task does not leave by itself."""

# So that gRPC's timer, which counts in its own way, never says "too late" before this clock does.
_MARGIN = 0.05


class Waiting:
    """One call of `wait`."""

    def __init__(self, task_id: str, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._task_id = task_id
        self._timeout = timeout
        self._clock = clock
        self._end = math.inf if timeout is None else clock() + timeout

    def remaining(self) -> float | None:
        """The seconds after which there are none left, None for no end. Raises `WaitTimeout` when none are."""
        if self._timeout is None:
            return None
        if (left := self._end - self._clock()) <= 0:
            raise self._too_late()
        return left + _MARGIN

    def is_over(self, event: TaskEvent) -> bool:
        """True when `event` says that the task is final or gone. Raises `TaskNeverEnds` for an endless cron task."""
        if not event.HasField("task") or event.task.task_id != self._task_id:
            return False
        if event.type == TaskEvent.DELETED or event.task.status in FINAL:
            return True
        if event.task.cron_expression and not event.task.max_runs and not event.task.HasField("end_at"):
            message = (
                f"task {self._task_id} runs by cron without an end, so it is never final; "
                "watch() it instead, or create it with max_runs or end_at"
            )
            raise TaskNeverEnds(message, metadata={"task_id": self._task_id})
        return False

    @contextmanager
    def reading(self, timeout: float) -> Iterator[float]:
        """The deadline of one read within the wait: the client's own, or what is left if that is less."""
        left = self.remaining()
        try:
            yield timeout if left is None else min(timeout, left)
        except DeadlineExceeded as error:
            if left is not None and left < timeout:
                raise self._too_late() from error
            raise

    def execution(self, task: Task) -> TaskExecution | None:
        """The execution that `task` ended with, None while it is not final. Raises `TaskNeverRan` if it has none."""
        if task.status not in FINAL:
            return None
        if not task.HasField("last_execution"):
            message = f"task {self._task_id} ended as {Task.Status.Name(task.status)} before it ran"
            raise TaskNeverRan(message, metadata={"task_id": self._task_id})
        return task.last_execution

    def _too_late(self) -> WaitTimeout:
        message = f"task {self._task_id} was not final within {self._timeout:g} s"
        return WaitTimeout(message, metadata={"task_id": self._task_id})
