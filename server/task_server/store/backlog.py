"""Rows of executions as the publisher sees them: what waits, and when it is to be told again.

A waiting execution is *announced* once its message was sent, by whoever made it due or by the scheduler. `publish_after` is when
the scheduler looks at it: its due time, and from then on some seconds after each message. When that has come again, it is
*unclaimed*. Each function runs inside a transaction of the caller's.
"""

from __future__ import annotations

from typing import NamedTuple

from peewee import Case

from task_server.domain.clock import Micros
from task_server.store.database import Database
from task_server.store.statement import Statement, rows
from task_server.store.tables.executions import ExecutionRow

# The statuses stand in the text: only so does SQLite see that the index of just those rows has all that is asked for. Announced is
# also what has another time than its due one: whoever makes a run due announces it (`Ports.publish_after`).
_DUE = (
    "SELECT id, queue, (publish_count > 0 OR publish_after > due_at) FROM execution INDEXED BY execution_unpublished "
    "WHERE status IN ('PENDING', 'RETRY') AND publish_after <= :now ORDER BY publish_after LIMIT :limit"
)
_FIND_DUE = Statement(_DUE)
_LOCK_DUE = Statement(_DUE + " FOR UPDATE SKIP LOCKED")
_UNCLAIMED_QUEUES = Statement(
    "SELECT DISTINCT queue FROM (SELECT queue, (publish_count > 0 OR publish_after > due_at) AS announced FROM execution "
    "INDEXED BY execution_unpublished WHERE status IN ('PENDING', 'RETRY') AND publish_after <= :now "
    "ORDER BY publish_after LIMIT :limit) AS due "
    "WHERE announced"
)
# What comes after `soon` and has no message counted was not announced: it lost its worker, and waits (`settling.settle`).
# `queue || ''`, or SQLite reads all that waits in a queue, by an index that is for others.
_COUNT = Statement(
    "SELECT queue || '', COUNT(*), SUM(CASE WHEN publish_after <= :now THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN publish_after > :soon THEN 1 ELSE 0 END) FROM execution INDEXED BY execution_unpublished "
    "WHERE status IN ('PENDING', 'RETRY') AND publish_after <= :latest AND due_at <= :now "
    "AND (publish_count > 0 OR (publish_after > due_at AND publish_after <= :soon)) GROUP BY 1"
)
_PUT_OFF = (
    "SELECT id FROM execution INDEXED BY execution_unpublished "
    "WHERE status IN ('PENDING', 'RETRY') AND publish_after > :soon AND publish_after <= :latest "
    "AND publish_count > 0 AND due_at <= :now AND queue || '' = :queue ORDER BY publish_after LIMIT :limit"
)
_FIND_PUT_OFF = Statement(_PUT_OFF)
_LOCK_PUT_OFF = Statement(_PUT_OFF + " FOR UPDATE SKIP LOCKED")


class Waiting(NamedTuple):
    """An execution whose `publish_after` has come."""

    execution_id: str
    queue: str
    announced: bool


class Count(NamedTuple):
    """How many executions of one queue were announced and not claimed."""

    announced: int
    #: Of those, whose `publish_after` has come.
    unclaimed: int
    #: Of those, whose `publish_after` is later than a message just sent would have it.
    put_off: int


def due(database: Database, now: Micros, limit: int) -> list[Waiting]:
    """Up to `limit` waiting executions whose time has come, those first that waited longest; locked."""
    statement = _FIND_DUE if database.is_sqlite else _LOCK_DUE
    return [Waiting(row[0], row[1], bool(row[2])) for row in statement.all(now=now, limit=limit)]


def unclaimed_queues(now: Micros, limit: int) -> set[str]:
    """The queues of those that `due` would find and that were announced before."""
    return {queue for (queue,) in _UNCLAIMED_QUEUES.all(now=now, limit=limit)}


def count(now: Micros, soon: Micros, latest: Micros) -> dict[str, Count]:
    """By queue, what was announced and not claimed. Put off is what comes after `soon`, and nothing later than `latest`."""
    return {row[0]: Count(*map(int, row[1:])) for row in _COUNT.all(now=now, soon=soon, latest=latest)}


def put_off(database: Database, queue: str, now: Micros, soon: Micros, latest: Micros, limit: int) -> list[str]:
    """The ids of up to `limit` executions of a queue that were put off, as `count` counts them; locked."""
    statement = _FIND_PUT_OFF if database.is_sqlite else _LOCK_PUT_OFF
    found = statement.all(now=now, soon=soon, latest=latest, queue=queue, limit=limit)
    return [execution_id for (execution_id,) in found]


def announce(ids: list[str], publish_after: Micros) -> None:
    """Note that the executions are being published, and when to look at them again."""
    _update(ids, publish_after, ExecutionRow.publish_count + 1)


def look_again(ids: list[str], publish_after: Micros) -> None:
    """Note when to look at the executions again, which were announced, were it by whoever made them."""
    _update(ids, publish_after, Case(None, [(ExecutionRow.publish_count > 0, ExecutionRow.publish_count)], 1))


def take_back(database: Database, ids: list[str], announced_until: Micros, now: Micros) -> None:
    """Look at executions again now that could not be published, but those that were moved since they were announced.

    Those that somebody holds now are left out as well: they come when `announce` has said.
    """
    found = ExecutionRow.select(ExecutionRow.id).where(
        ExecutionRow.id.in_(ids) & (ExecutionRow.publish_after == announced_until)
    )
    refused = [name for (name,) in rows(found if database.is_sqlite else found.for_update(skip_locked=True))]
    look_again(refused, now)


def _update(ids: list[str], publish_after: Micros, publish_count: object) -> None:
    if ids:
        waiting = ExecutionRow.id.in_(ids) & ExecutionRow.status.in_(["PENDING", "RETRY"])
        ExecutionRow.update(publish_after=publish_after, publish_count=publish_count).where(waiting).execute()
