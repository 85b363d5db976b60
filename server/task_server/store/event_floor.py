"""The oldest events, and the floor: the last one that was removed. Each function runs inside a transaction of the caller's.

The floor moves in the transaction that removes, so that whoever reads events and floor on one snapshot knows whether it missed any.
"""

from __future__ import annotations

from typing import NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.event import Position
from task_server.store.database import Database
from task_server.store.statement import Statement

_FLOOR = Statement('SELECT "transaction", number FROM event_floor')
_LOCK = Statement('SELECT "transaction", number FROM event_floor FOR UPDATE SKIP LOCKED')
_MOVE = Statement('UPDATE event_floor SET "transaction" = :transaction, number = :number')
_OLDEST = 'SELECT "transaction", number, occurred_at FROM event WHERE ("transaction", number) > (:transaction, :number)'
_ORDER = ' ORDER BY "transaction", number LIMIT :limit'
_FIND = Statement(_OLDEST + _ORDER)
# What a running transaction might yet commit belongs before what others have committed: readers wait for it, so it stays.
_FIND_RELEASED = Statement(
    _OLDEST + ' AND "transaction" < pg_snapshot_xmin(pg_current_snapshot())::text::bigint' + _ORDER
)
_NEWEST = Statement("SELECT MAX(number) FROM event")
_REMOVE = Statement(
    'DELETE FROM event WHERE ("transaction", number) > (:floor_transaction, :floor_number) '
    'AND ("transaction", number) <= (:transaction, :number)'
)


class OldEvent(NamedTuple):
    """Where an event stands, and when it happened."""

    position: Position
    occurred_at: Micros


def get() -> Position:
    """The position of the last event that was removed; (0, 0) when none was."""
    row = _FLOOR.one()
    return Position(*row) if row else Position(0, 0)


def lock(database: Database) -> Position | None:
    """The floor, kept from other cleaners until the transaction ends; None when another one has it."""
    # On SQLite whoever writes has the whole database.
    row = (_FLOOR if database.is_sqlite else _LOCK).one()
    return Position(*row) if row else None


def oldest(database: Database, limit: int) -> list[OldEvent]:
    """Up to `limit` events from the oldest on, of those that readers may have seen, in order."""
    floor = get()
    statement = _FIND if database.is_sqlite else _FIND_RELEASED
    found = statement.all(transaction=floor.transaction, number=floor.number, limit=limit)
    return [OldEvent(Position(transaction, number), occurred_at) for transaction, number, occurred_at in found]


def newest_number() -> int:
    """The number of the newest event, 0 when there is none. Each has one more than the one before it, or a little more."""
    return _NEWEST.value() or 0


def remove(floor: Position, last: Position) -> int:
    """Remove the events after the locked floor up to `last`, which becomes the floor; return how many there were."""
    removed = _REMOVE.run(
        floor_transaction=floor.transaction,
        floor_number=floor.number,
        transaction=last.transaction,
        number=last.number,
    )
    _MOVE.run(transaction=last.transaction, number=last.number)
    return removed
