"""What of a task runs and waits, and what waits in the queues. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from typing import NamedTuple

from task_server.domain.clock import NEVER, Micros
from task_server.domain.execution import Execution
from task_server.store import records
from task_server.store.statement import Statement

# The statuses stand in the text: only so does SQLite see that an index of just those rows has all that is asked for.
_FIRST_WAITING = Statement(
    "SELECT publish_after, ready_at, {columns} FROM execution WHERE parent_task = :parent_task AND status IN ('PENDING', 'RETRY') "
    "ORDER BY held, due_at, id LIMIT 1",
    records.EXECUTION,
)
_NEWEST_RUNNING = Statement(
    "SELECT lease_until, {columns} FROM execution WHERE parent_task = :parent_task AND status = 'STARTED' "
    "ORDER BY id DESC LIMIT 1",
    records.EXECUTION,
)
# What is held is never published.
_BEFORE = Statement(
    "SELECT COUNT(*) FROM (SELECT id FROM execution WHERE status IN ('PENDING', 'RETRY') AND publish_after < :never "
    "AND queue = :queue AND (due_at < :due_at OR (due_at = :due_at AND id < :id)) LIMIT :most) AS earlier"
)
_WAITING = Statement(
    "SELECT queue, COUNT(*) FROM execution INDEXED BY execution_ready WHERE status IN ('PENDING', 'RETRY') "
    "AND (publish_after < :never OR waits_for <> '') AND held = 0 AND due_at <= :now GROUP BY queue"
)
_RUNNING = Statement(
    "SELECT queue, COUNT(*) FROM execution INDEXED BY execution_running "
    "WHERE status = 'STARTED' AND lease_until > 0 GROUP BY queue"
)


class Depth(NamedTuple):
    """How many executions of a queue are due and wait for a worker, and how many run."""

    waiting: int
    running: int


def first_waiting(parent_task: str) -> tuple[Execution, Micros, Micros] | None:
    """Of the executions of a task that wait, the first that nothing holds, else the first; when it is published next, and ready."""
    row = _FIRST_WAITING.one(parent_task=parent_task)
    return (records.execution(row[2:]), row[0], row[1]) if row else None


def newest_running(parent_task: str) -> tuple[Execution, Micros | None] | None:
    """Of the executions of a task that run, the newest; and until when it belongs to its worker."""
    row = _NEWEST_RUNNING.one(parent_task=parent_task)
    return (records.execution(row[1:]), row[0]) if row else None


def count_before(execution: Execution, most: int) -> int:
    """How many executions of its queue became due earlier and wait too; no more than `most` are counted."""
    found = _BEFORE.value(queue=execution.queue, due_at=execution.due_at, id=execution.id, never=NEVER, most=most)
    return int(found)


def depths(now: Micros) -> dict[str, Depth]:
    """By queue, what waits for a worker and what runs; queues with neither are left out."""
    waiting: dict[str, int] = dict(map(tuple, _WAITING.all(now=now, never=NEVER)))
    running: dict[str, int] = dict(map(tuple, _RUNNING.all()))
    return {queue: Depth(waiting.get(queue, 0), running.get(queue, 0)) for queue in sorted(waiting | running)}
