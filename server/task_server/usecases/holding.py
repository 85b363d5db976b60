"""Executions that wait for something else than their time: for the end of an earlier one, or for ResumeTask."""

from __future__ import annotations

from task_server.domain.clock import NEVER, Micros
from task_server.domain.execution import Execution
from task_server.domain.schedule import OverlapPolicy
from task_server.domain.task import Task
from task_server.store import executions
from task_server.usecases import changes
from task_server.usecases.changes import Move
from task_server.usecases.ports import Ports

#: The policies under which a firing waits for the end of an earlier run.
_IN_TURN = (OverlapPolicy.QUEUE_ONE, OverlapPolicy.CANCEL_RUNNING)


def goes_in_turn(task: Task) -> bool:
    """Whether executions of the task may be held until an earlier one has ended."""
    return task.definition.schedule.overlap_policy in _IN_TURN


def hold_waiting(task: Task, now: Micros) -> Task:
    """Store a changed task that is locked, and hold all that waits of it; return the task as it is then."""
    waiting = [run for run in executions.unfinished(task.task_id) if run.status.is_waiting and not run.held]
    return changes.store_moves(
        task, [Move(run, run.changed(held=True, waits_for=""), {"publish_after": NEVER}) for run in waiting], now
    )


def let_go(ports: Ports, task: Task, now: Micros) -> tuple[Task, list[Execution]]:
    """Let go what nothing holds any more of a locked task; return the task, and what may be published now.

    To be called wherever a run of a task that `goes_in_turn` has ended, and where a task is resumed. The caller announces what may
    be published after its commit; should it die before, the scheduler does.
    """
    if task.paused_at is not None or task.stopped_at is not None:
        return task, []
    unfinished = executions.unfinished(task.task_id)
    held = [run for run in unfinished if run.held]
    if goes_in_turn(task):
        held = held[:1] if len(held) == len(unfinished) else []
    if not held:
        return task, []
    moves = [
        Move(
            run,
            run.changed(held=False, waits_for=""),
            {"publish_after": ports.publish_after(now, run.due_at), "publish_count": 0},
        )
        for run in held
    ]
    return changes.store_moves(task, moves, now), [move.after for move in moves if move.after.due_at <= now]
