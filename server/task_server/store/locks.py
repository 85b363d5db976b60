"""Rows of locks. Each function runs inside a transaction of the caller's.

The highest number among the locks of an owner never falls: no row with it is removed, and a row's number only grows. So whoever
has locked a row, and looks for the highest number after that, finds none that is below what this lock ever had, be its row new.
"""

from __future__ import annotations

from task_server.domain.clock import Micros
from task_server.domain.lock import Lock
from task_server.store.statement import Row, Statement

_COLUMNS = ("name", "holder", "number", "acquired_at", "expires_at", "is_released")
_GET_TEXT = "SELECT {columns} FROM named_lock WHERE owner_id = :owner_id AND name = :name"
_GET = Statement(_GET_TEXT, _COLUMNS)
# On SQLite whoever writes has the whole database.
_LOCK = Statement(_GET_TEXT, _COLUMNS, postgresql=f"{_GET_TEXT} FOR UPDATE")
_ADD = Statement(
    "INSERT INTO named_lock (owner_id, {columns}) VALUES (:owner_id, {values}) ON CONFLICT (owner_id, name) DO NOTHING",
    _COLUMNS,
)
_SAVE = Statement("UPDATE named_lock SET {changes} WHERE owner_id = :owner_id AND name = :name", _COLUMNS)
_NEWEST = Statement("SELECT COALESCE(MAX(number), 0) FROM named_lock WHERE owner_id = :owner_id")
_COUNT = Statement("SELECT COUNT(*) FROM named_lock WHERE owner_id = :owner_id")
_OVER = (
    "SELECT owner_id, name FROM named_lock WHERE expires_at < :before AND number < "
    "(SELECT MAX(number) FROM named_lock newest WHERE newest.owner_id = named_lock.owner_id) LIMIT :limit"
)
_IS_OVER = Statement(_OVER)
_REMOVE = Statement(
    f"DELETE FROM named_lock WHERE (owner_id, name) IN ({_OVER})",  # noqa: S608 - no values
    postgresql=f"DELETE FROM named_lock WHERE (owner_id, name) IN ({_OVER} FOR UPDATE SKIP LOCKED)",  # noqa: S608
)


def get(owner_id: str, name: str) -> Lock:
    """The lock with that name; one that is not here is free."""
    return _lock(_GET.one(owner_id=owner_id, name=name)) or Lock(name=name)


def lock(owner_id: str, name: str) -> Lock | None:
    """The lock with that name, None when it is not here; nobody else changes it until the transaction ends."""
    return _lock(_LOCK.one(owner_id=owner_id, name=name))


def add(owner_id: str, name: str) -> Lock:
    """Have a row for a lock that had none, and lock it. Somebody else may have been faster."""
    _ADD.run(owner_id=owner_id, **_values(Lock(name=name)))
    added = lock(owner_id, name)
    assert added is not None  # noqa: S101 - what is added at this moment nobody removes
    return added


def save(owner_id: str, changed: Lock) -> None:
    """Store what became of a lock, whose row is locked."""
    _SAVE.run(owner_id=owner_id, **_values(changed))


def newest_number(owner_id: str) -> int:
    """The highest number that any lock of the owner has; 0 for none."""
    return int(_NEWEST.value(owner_id=owner_id))


def count(owner_id: str) -> int:
    """How many locks of the owner are here: those that are held, and those that have ended a short while ago."""
    return int(_COUNT.value(owner_id=owner_id))


def is_any_over(before: Micros) -> bool:
    """Whether there is a lock that `remove` would remove."""
    return _IS_OVER.one(before=before, limit=1) is not None


def remove(before: Micros, limit: int) -> int:
    """Remove up to `limit` locks that ended before that time, but of each owner not the one with the highest number; how many."""
    return _REMOVE.run(before=before, limit=limit)


def _lock(row: Row | None) -> Lock | None:
    if row is None:
        return None
    values = dict(zip(_COLUMNS, row, strict=True))
    return Lock(**values | {"is_released": bool(values["is_released"])})


def _values(each: Lock) -> dict[str, str | int]:
    return {name: getattr(each, name) for name in _COLUMNS} | {"is_released": int(each.is_released)}
