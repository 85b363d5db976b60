"""Rows of executions as limits see them: what runs within a scope, what waits for a place in it, and who was called.

A scope is a text: `queue:NAME`, `owner:ID` or `key:ID:KEY`. An execution that found no place has it in `waits_for`, and is neither
ready nor published. It is called, once there is a place: from `ready_at` on it is ready, and the place is kept for it.
Each function runs inside a transaction of the caller's.
"""

from __future__ import annotations

from typing import NamedTuple

from task_server.domain.clock import NEVER, Micros
from task_server.store.database import Database
from task_server.store.statement import Statement

_LOCK = Statement("SELECT 1", postgresql="SELECT pg_advisory_xact_lock(hashtextextended(:scope, 0))")
_RUNNING = {
    "queue": Statement("SELECT COUNT(*) FROM execution WHERE status = 'STARTED' AND queue = :name"),
    "owner": Statement(
        "SELECT COUNT(*) FROM execution WHERE status = 'STARTED' AND owner_id = :name AND action_kind <> ''"
    ),
    "key": Statement(
        "SELECT COUNT(*) FROM execution WHERE status = 'STARTED' AND concurrency_key <> '' "
        "AND owner_id = :owner_id AND concurrency_key = :key"
    ),
}
_WAITING = "status IN ('PENDING', 'RETRY') AND waits_for <> '' AND waits_for = :scope"
_CALLED = Statement(
    f"SELECT COUNT(*) FROM execution WHERE {_WAITING} AND ready_at < {NEVER} AND ready_at > :since"  # noqa: S608
)
_WAITERS = Statement(
    "WITH RECURSIVE waiter (owner_id) AS ("  # noqa: S608 - our own text
    f"SELECT MIN(owner_id) FROM execution WHERE {_WAITING} AND ready_at = {NEVER} "
    f"UNION ALL SELECT (SELECT MIN(owner_id) FROM execution WHERE {_WAITING} AND ready_at = {NEVER} "
    "AND owner_id > waiter.owner_id) FROM waiter WHERE waiter.owner_id IS NOT NULL) "
    "SELECT owner_id, (SELECT COUNT(*) FROM execution "
    "WHERE status = 'STARTED' AND execution.owner_id = waiter.owner_id) + (SELECT COUNT(*) FROM execution "
    f"WHERE {_WAITING} AND ready_at < {NEVER} AND execution.owner_id = waiter.owner_id) FROM waiter WHERE owner_id IS NOT NULL"
)
_FIRST = (
    f"SELECT id, parent_task, owner_id, queue FROM execution WHERE {_WAITING} AND ready_at = {NEVER} AND owner_id = :owner_id "  # noqa: S608
    "AND held = 0 ORDER BY due_at LIMIT 1"
)
_FIND_FIRST = Statement(_FIRST)
_LOCK_FIRST = Statement(_FIRST + " FOR UPDATE SKIP LOCKED")
_WAIT = Statement(
    f"UPDATE execution SET waits_for = :scope, ready_at = {NEVER}, publish_after = {NEVER}, publish_count = 0 "  # noqa: S608
    "WHERE id = :id AND status IN ('PENDING', 'RETRY')"
)
_CALL = Statement(
    "UPDATE execution SET ready_at = :ready_at, publish_after = :publish_after, publish_count = 0 WHERE id = :id"
)
_SCOPES = Statement(
    "SELECT DISTINCT waits_for FROM execution INDEXED BY execution_waits_for "  # noqa: S608
    "WHERE status IN ('PENDING', 'RETRY') AND waits_for <> '' "
    f"AND ready_at = {NEVER} AND held = 0"
)
_READY_AT = Statement("SELECT ready_at FROM execution WHERE id = :id")
_FULL_AT = Statement("SELECT full_at FROM start_rate WHERE scope = :scope")
_SET_FULL_AT = Statement(
    "INSERT INTO start_rate (scope, full_at) VALUES (:scope, :full_at) "
    "ON CONFLICT (scope) DO UPDATE SET full_at = excluded.full_at"
)
_FORGET = Statement("DELETE FROM start_rate WHERE full_at < :before")


class Waiter(NamedTuple):
    """An owner with executions that wait for a place and were not called."""

    owner_id: str
    #: How many of its executions run, anywhere, or were called here.
    running: int


class First(NamedTuple):
    """An execution that waits for a place."""

    id: str
    task_id: str
    owner_id: str
    queue: str


def lock(database: Database, scope: str) -> None:
    """Keep others from taking, giving or waiting for places in a scope until the transaction ends.

    Whoever locks several does it in the order of their texts, and after all rows that it locks and waits for.
    """
    if not database.is_sqlite:  # there whoever writes has the whole database
        _LOCK.all(scope=scope)


def running(scope: str) -> int:
    """How many executions run within a scope."""
    kind, _, name = scope.partition(":")
    if kind != "key":
        return int(_RUNNING[kind].value(name=name))
    owner_id, key = split_key(name)
    return int(_RUNNING[kind].value(owner_id=owner_id, key=key))


def key_scope(owner_id: str, key: str) -> str:
    """The scope of an owner's concurrency key. The id's length stands before it, so that neither can pass for the other."""
    return f"key:{len(owner_id)}:{owner_id}:{key}"


def split_key(name: str) -> tuple[str, str]:
    """The owner's id and the key, of what follows `key:` in the text that `key_scope` gave."""
    length, _, rest = name.partition(":")
    return rest[: int(length)], rest[int(length) + 1 :]


def called(scope: str, since: Micros) -> int:
    """How many places of a scope are kept for executions that were called to a time after `since` and have not begun."""
    return int(_CALLED.value(scope=scope, since=since))


def waiters(scope: str) -> list[Waiter]:
    """Who has executions that wait for a place in a scope."""
    return [Waiter(*row) for row in _WAITERS.all(scope=scope)]


def first(database: Database, scope: str, owner_id: str) -> First | None:
    """Of an owner's executions that wait for a place in a scope, the one that was due first; locked, unless another one is."""
    row = (_FIND_FIRST if database.is_sqlite else _LOCK_FIRST).one(scope=scope, owner_id=owner_id)
    return First(*row) if row else None


def wait(execution_id: str, scope: str) -> None:
    """Note that a waiting execution has found no place in a scope."""
    _WAIT.run(id=execution_id, scope=scope)


def call(execution_id: str, ready_at: Micros, publish_after: Micros) -> None:
    """Keep a place for an execution that waits for one."""
    _CALL.run(id=execution_id, ready_at=ready_at, publish_after=publish_after)


def scopes() -> list[str]:
    """The scopes in which any execution waits that was not called."""
    return [scope for (scope,) in _SCOPES.all()]


def ready_at(execution_id: str) -> Micros | None:
    """When an execution is ready."""
    time: Micros | None = _READY_AT.value(id=execution_id)
    return time


def full_at(scope: str) -> Micros:
    """When the bucket of a scope's starts is full; 0 where it is."""
    return int(_FULL_AT.value(scope=scope) or 0)


def set_full_at(scope: str, time: Micros) -> None:
    """Note a start."""
    _SET_FULL_AT.run(scope=scope, full_at=time)


def forget_full(before: Micros) -> None:
    """Forget buckets that were full before."""
    _FORGET.run(before=before)
