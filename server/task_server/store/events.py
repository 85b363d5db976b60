"""The stream of changes. An event is written in the transaction of its change, so there is never one without the other."""

from __future__ import annotations

from peewee import SQL, Tuple, fn

from task_server.domain.clock import Micros
from task_server.domain.event import Event, EventType, Position
from task_server.domain.execution import Execution
from task_server.domain.task import Task
from task_server.store import records
from task_server.store.database import Database
from task_server.store.tables import EventRow

_LAST = 2**63 - 1


def append(kind: EventType, task: Task, execution: Execution | None, now: Micros, database: Database) -> None:
    """Add a change to the stream."""
    columns = {"transaction": 0} if database.is_sqlite else {"transaction": SQL("pg_current_xact_id()::text::bigint")}
    EventRow.insert(
        **columns,
        type=kind.value,
        task_id=task.task_id,
        owner_id=task.owner.id,
        payload=records.dump_event(task, execution),
        occurred_at=now,
    ).execute()


def after(database: Database, position: Position, limit: int, task_id: str = "") -> list[Event]:
    """Up to `limit` changes after `position`, in order, of one task where `task_id` is given.

    On PostgreSQL it stops before the oldest transaction that still runs, which might yet commit events that belong before.
    """
    query = EventRow.select().where(Tuple(EventRow.transaction, EventRow.number) > tuple(position))
    if task_id:
        query = query.where(EventRow.task_id == task_id)
    if not database.is_sqlite:
        query = query.where(EventRow.transaction < SQL("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    return [_event(row) for row in query.order_by(EventRow.transaction, EventRow.number).limit(limit)]


def head(database: Database) -> Position:
    """The position after which a reader of the present snapshot goes on."""
    if database.is_sqlite:
        return Position(0, EventRow.select(fn.MAX(EventRow.number)).scalar() or 0)
    (xmin,) = database.engine.execute_sql("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
    return Position(int(xmin) - 1, _LAST)


def _event(row: EventRow) -> Event:
    task, execution = records.load_event(row.payload)
    return Event(
        position=Position(row.transaction, row.number),
        type=EventType(row.type),
        task=task,
        execution=execution,
        occurred_at=row.occurred_at,
    )
