"""A client that follows every change, from server to server, and writes down what it saw."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from typing import NamedTuple

import grpc
from tests.faults.callers import Callers

from task_manager import TaskManagerError
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution

_PAUSE_SECONDS = 0.1
#: What no break of a stream explains.
_DEFECTS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.OUT_OF_RANGE)


class Seen(NamedTuple):
    """A change as it came."""

    task_id: str
    #: Grows with every change of the task, so that this and the task's id name a change.
    revision: int
    type: str
    #: Empty where no execution changed.
    execution_id: str
    status: str


class Watcher:
    """Watches everybody's tasks in a thread, with the last watch token over every break, and then at the next server."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._token = ""
        self._changed = threading.Condition()
        self._seen: list[Seen] = []
        self._statuses: dict[str, str] = {}
        self._ending = threading.Event()
        #: Errors that no break of a stream explains.
        self.defects: list[str] = []
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin, and return once it has the position from which it will miss nothing."""
        self._thread.start()
        with self._changed:
            if not self._changed.wait_for(lambda: self._token, timeout=30):
                raise RuntimeError(f"no watch began: {self.defects}")

    @property
    def seen(self) -> list[Seen]:
        """Everything so far, in the order in which it came."""
        with self._changed:
            return list(self._seen)

    def saw_started(self, task_id: str, seconds: float) -> bool:
        """Wait until an execution of the task was seen to start; False when it was not, or ended first."""
        with self._changed:
            self._changed.wait_for(lambda: self._statuses.get(task_id, "PENDING") not in ("PENDING", ""), seconds)
            return self._statuses.get(task_id) == "STARTED"

    def close(self) -> None:
        """End the thread; the clients are to be closed before."""
        self._ending.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        for client in itertools.cycle(self._callers.clients):
            if self._ending.is_set():
                return
            try:
                with contextlib.closing(client.watch(my_tasks=False, watch_token=self._token)) as events:
                    for event in events:
                        self._take(event)
            except (TaskManagerError, ValueError) as error:
                # A ValueError is what a channel raises that was closed, at the end.
                if self._ending.is_set():
                    return
                if not isinstance(error, TaskManagerError) or error.code in _DEFECTS:
                    self.defects.append(repr(error))
            time.sleep(_PAUSE_SECONDS)

    def _take(self, event: TaskEvent) -> None:
        with self._changed:
            if event.type != TaskEvent.BOOKMARK:
                status = TaskExecution.Status.Name(event.execution.status) if event.HasField("execution") else ""
                self._statuses[event.task.task_id] = status or self._statuses.get(event.task.task_id, "")
                self._seen.append(
                    Seen(
                        event.task.task_id,
                        int(event.task.etag),
                        TaskEvent.Type.Name(event.type),
                        event.execution.id,
                        status,
                    )
                )
            self._token = event.watch_token or self._token
            self._changed.notify_all()
