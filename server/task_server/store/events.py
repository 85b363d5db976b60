"""The stream of changes. An event is written in the transaction of its change, so there is never one without the other."""

from __future__ import annotations

import functools

from task_server.domain.clock import Micros
from task_server.domain.event import Event, EventType, Names, Position
from task_server.domain.execution import Execution
from task_server.domain.task import Task
from task_server.store import event_payload
from task_server.store.database import Database
from task_server.store.statement import Row, Statement

_LAST = 2**63 - 1

# "transaction" has to be quoted: it is a word of SQL's own. SQLite leaves it at 0. On PostgreSQL it is the transaction's number,
# but never before that of the task's last event: of two that change a task, the one that waited for the other may be the older.
_INSERT = Statement(
    "INSERT INTO event ({columns}) VALUES ({values})",
    ("type", "task_id", "owner_id", "payload", "occurred_at"),
    postgresql='INSERT INTO event ("transaction", {columns}) VALUES (GREATEST(pg_current_xact_id()::text::bigint, '
    '(SELECT MAX("transaction") FROM event WHERE task_id = :task_id)), {values})',
)
# Retention may have removed all there were: then the stream goes on behind the last of those.
_NEWEST = Statement("SELECT COALESCE((SELECT MAX(number) FROM event), (SELECT number FROM event_floor))")
_OLDEST_RUNNING = Statement("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


def append(kind: EventType, task: Task, execution: Execution | None, now: Micros, former: Names | None = None) -> None:
    """Add a change to the stream. `former` are the names that the task had before, where they changed."""
    _INSERT.run(
        type=kind.value,
        task_id=task.task_id,
        owner_id=task.owner.id,
        payload=event_payload.dump(task, execution, former),
        occurred_at=now,
    )


def after(
    database: Database, position: Position, limit: int, *, task_id: str = "", owner_id: str | None = None
) -> list[Event]:
    """Up to `limit` changes after `position`, in order; of one task, or of one owner's tasks, where that is given.

    On PostgreSQL it stops before the oldest transaction that still runs, which might yet commit events that belong before.
    """
    wanted = {"task_id": task_id} if task_id else {"owner_id": owner_id} if owner_id is not None else {}
    statement = _after(tuple(wanted), database.is_sqlite)
    rows = statement.all(transaction=position.transaction, number=position.number, limit=limit, **wanted)
    return [_event(row) for row in rows]


@functools.cache
def _after(columns: tuple[str, ...], is_sqlite: bool) -> Statement:
    text = 'SELECT {columns} FROM event WHERE ("transaction", number) > (:transaction, :number)'
    text += "".join(f" AND {column} = :{column}" for column in columns)
    if not is_sqlite:
        text += ' AND "transaction" < pg_snapshot_xmin(pg_current_snapshot())::text::bigint'
    text += ' ORDER BY "transaction", number LIMIT :limit'
    return Statement(text, ('"transaction"', "number", "type", "payload", "occurred_at"))


def head(database: Database) -> Position:
    """The position after which a reader of the present snapshot goes on."""
    if database.is_sqlite:
        return Position(0, _NEWEST.value() or 0)
    return Position(_OLDEST_RUNNING.value() - 1, _LAST)


def _event(row: Row) -> Event:
    transaction, number, kind, payload, occurred_at = row
    task, execution, former = event_payload.load(payload)
    return Event(
        position=Position(transaction, number),
        type=EventType(kind),
        task=task,
        execution=execution,
        occurred_at=occurred_at,
        former=former,
    )
