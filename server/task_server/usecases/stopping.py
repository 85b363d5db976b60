"""Stopping: the intent is stored first, what waits ends at once, what runs is ended by its worker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.sequel import after_stop
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import Task
from task_server.notifier.bell import Topic
from task_server.store import executions, tasks
from task_server.usecases import auditing, changes
from task_server.usecases.changes import Move
from task_server.usecases.ports import Ports
from task_server.usecases.secrets import forget_secrets
from task_server.usecases.visibility import visible

#: How many tasks are stopped in one transaction.
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What a stop found and did."""

    task: Task
    #: Ids of executions that waited, to begin or to be tried again, and never will.
    never_started: list[str] = field(default_factory=list)
    #: Ids of executions whose workers were told.
    running: list[str] = field(default_factory=list)
    #: Whether there were future firings, which will not come now.
    ended_firings: bool = False


class StoppedSome(NamedTuple):
    """What one turn of a stop by filter did."""

    stopped: int
    #: The last task that was stopped, after which the next turn goes on. Empty where none is left.
    last_id: str


class Stopping:
    """The use cases of stopping."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database

    def stop(self, caller: Caller, task_id: str) -> Stopped:
        """Store that a task is to stop, and tell the workers. Raises TaskNotFound."""
        with self._database.write():
            task = visible(caller, tasks.lock(self._database, task_id), task_id)
            now = self._database.now()
            stopped = stop_locked(task, now)
            if stopped.task is not task:
                auditing.note(caller, task_id, now)
        self.tell(stopped.running)
        return stopped

    def newest_id(self) -> str:
        """The greatest id of all tasks: a stop by filter ends with it, however many are made meanwhile."""
        with self._database.read():
            return tasks.newest_id()

    def stop_some(self, caller: Caller, wanted: TaskFilter, after_id: str, last_id: str) -> StoppedSome:
        """Stop up to 100 tasks that match and have not ended, the oldest first, with ids after the one and up to the other.

        They are stopped in one transaction, and told of. It only looks again whether they have ended: a filter may take seconds
        to ask, in which nobody else could write to SQLite. Whoever calls this until none is left may go away in between: what was
        stopped stays so, and doing it again goes on with the rest.
        """
        with self._database.read():
            ids = tasks.to_stop(wanted, after_id, last_id, _BATCH)
        with self._database.write():
            found = tasks.lock_to_stop(self._database, ids)
            executions.lock_running(self._database, [task.task_id for task in found])
            now = self._database.now()
            stopped = [stop_locked(task, now) for task in found]
            for before, after in zip(found, stopped, strict=True):
                if after.task is not before:
                    auditing.note(caller, before.task_id, now)
        self.tell([execution_id for each in stopped for execution_id in each.running])
        return StoppedSome(len(found), ids[-1] if len(ids) == _BATCH else "")

    def count(self, wanted: TaskFilter) -> int:
        """How many tasks match and have not ended, nor are being stopped."""
        with self._database.read():
            return tasks.count_to_stop(wanted)

    def tell(self, running: list[str]) -> None:
        """Ring for executions that are to be stopped, and for the watchers."""
        for execution_id in running:
            self._ports.bell.ring(Topic.STOP, execution_id)
        self._ports.announce()

    def outcomes(self, running: list[str]) -> dict[str, Execution]:
        """What became so far of executions that were to be stopped."""
        with self._database.read():
            return executions.get_many(running)


def stop_locked(task: Task, now: Micros) -> Stopped:
    """Stop a locked task: end what waits, mark what runs, and forget all future firings."""
    goes_by_cron = bool(task.definition.schedule.cron_expression)
    ended_firings = goes_by_cron and (task.next_run_at is not None or task.paused_at is not None)
    never_started: list[str] = []
    running: list[str] = []
    moves: list[Move] = []
    unfinished = executions.unfinished(task.task_id)
    for execution in unfinished:
        if execution.status is not ExecutionStatus.STARTED:
            never_started.append(execution.id)
            moves.append(Move(execution, after_stop(execution, now), {}))
            continue
        running.append(execution.id)
        if execution.stop_requested_at is None:
            moves.append(Move(execution, execution.changed(stop_requested_at=now), {}))
    begins = task.stopped_at is None and (bool(unfinished) or ended_firings)
    if begins:
        task = replace(task, stopped_at=now, next_run_at=None, paused_at=None)
        # It never runs again; what runs of it has been given its secrets.
        forget_secrets(task)
    if begins or moves:
        task = changes.store_moves(task, moves, now)
    return Stopped(task=task, never_started=never_started, running=running, ended_firings=ended_firings)
