"""Overlap: what becomes of a firing while an earlier execution of its task has not ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.schedule import OverlapPolicy
from task_server.domain.sequel import after_stop
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import Task
from task_server.store import executions
from task_server.usecases import changes
from task_server.usecases.changes import Move

#: What the error of an execution that had to make room says.
_WHY = "the next firing of its task was due (overlap policy CANCEL_RUNNING)"


class Verdict(Enum):
    """What becomes of a firing."""

    #: Its execution runs when it is due.
    RUN = auto()
    #: Its execution is held until the earlier ones have ended.
    HOLD = auto()
    #: It gets no execution.
    SKIP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What was decided of one firing, and done about the earlier executions."""

    verdict: Verdict
    #: The task as it is then.
    task: Task
    #: Ids of running executions whose workers have to be told that they are to be stopped.
    to_stop: tuple[str, ...] = ()


def admit(task: Task, now: Micros) -> Admission:
    """Decide by a locked task's overlap policy where its next firing goes, and stop what has to make room for it."""
    policy = task.definition.schedule.overlap_policy
    if policy is OverlapPolicy.ALLOW:
        return Admission(verdict=Verdict.RUN, task=task)
    earlier = executions.unfinished(task.task_id)
    if not earlier:
        return Admission(verdict=Verdict.RUN, task=task)
    if policy is OverlapPolicy.CANCEL_RUNNING:
        return _cancel(task, earlier, now)
    if policy is OverlapPolicy.SKIP_NEW or any(run.held for run in earlier):
        return Admission(verdict=Verdict.SKIP, task=task)
    return Admission(verdict=Verdict.HOLD, task=task)


def _cancel(task: Task, earlier: list[Execution], now: Micros) -> Admission:
    """End what waits, mark what runs. In the order of their ids, as everybody does who locks several executions."""
    running = [run for run in earlier if run.status is ExecutionStatus.STARTED]
    to_stop = [run for run in running if run.stop_requested_at is None]
    moves = [
        Move(run, run.changed(stop_requested_at=now) if run in to_stop else after_stop(run, now, _WHY), {})
        for run in earlier
        if run in to_stop or run not in running
    ]
    if moves:
        task = changes.store_moves(task, moves, now)
    verdict = Verdict.HOLD if running else Verdict.RUN
    return Admission(verdict=verdict, task=task, to_stop=tuple(run.id for run in to_stop))
