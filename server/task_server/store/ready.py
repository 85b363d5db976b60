"""Rows of executions as fair dispatch sees them: who has runs that are ready in a queue, and who runs there already.

Each function runs inside a transaction of the caller's. `kinds` are the kinds of action that a worker runs, in one order.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from task_server.domain.clock import NEVER, Micros
from task_server.store.statement import Statement

# The statuses stand in the texts: only so do both databases see that an index of just those rows has all that is asked for.
_WAITING = "status IN ('PENDING', 'RETRY') AND queue = :queue"
_OTHERS = Statement(
    f"SELECT (SELECT MIN(owner_id) FROM execution WHERE {_WAITING} AND owner_id < :owner_id), "  # noqa: S608 - our own text
    f"(SELECT MIN(owner_id) FROM execution WHERE {_WAITING} AND owner_id > :owner_id)"
)
_RUNNING = Statement(
    "SELECT COUNT(*) FROM execution WHERE status = 'STARTED' AND queue = :queue AND owner_id = :owner_id"
)
_HEAL = Statement(
    f"UPDATE execution SET ready_at = CASE WHEN held <> 0 THEN {NEVER} ELSE due_at END "  # noqa: S608 - our own text
    "WHERE id = :id AND waits_for = '' AND status IN ('PENDING', 'RETRY')"
)


class Waiting(NamedTuple):
    """An owner with waiting runs in a queue."""

    owner_id: str
    #: How many of its runs that queue's workers run now; None where none of those that wait is ready.
    running: int | None


def others_wait(queue: str, owner_id: str) -> bool:
    """Whether anybody else has a waiting execution in the queue, ready or not."""
    row = _OTHERS.one(queue=queue, owner_id=owner_id)
    return row is not None and (row[0] is not None or row[1] is not None)


def owners(queue: str, kinds: tuple[str, ...], now: Micros, after: str, limit: int) -> list[Waiting]:
    """Up to `limit` owners with waiting runs in the queue, in the order of their ids, which come after `after`.

    An owner costs a few steps in an index, however many runs of it wait.
    """
    return [Waiting(*row) for row in _owners(kinds).all(queue=queue, now=now, after=after, limit=limit)]


def running(queue: str, owner_id: str) -> int:
    """How many runs of an owner that queue's workers run now."""
    return int(_RUNNING.value(queue=queue, owner_id=owner_id))


def first(queue: str, owner_id: str, kinds: tuple[str, ...], now: Micros, limit: int) -> list[str]:
    """The ids of an owner's runs that are ready in the queue, those first that have been for longest."""
    found = [row for kind in kinds for row in _first(kind).all(queue=queue, owner_id=owner_id, now=now, limit=limit)]
    return [execution_id for _, execution_id in sorted(map(tuple, found))[:limit]]


def any_of(queue: str, kinds: tuple[str, ...], now: Micros) -> str:
    """The id of a run that is ready in the queue; empty where there is none."""
    return next((found for kind in kinds if (found := _any(kind).value(queue=queue, now=now))), "")


def heal(execution_id: str) -> None:
    """Say again when an execution is ready: one that a process of an older version made does not know."""
    _HEAL.run(id=execution_id)


@functools.cache
def _owners(kinds: tuple[str, ...]) -> Statement:
    one_of = ", ".join(f"'{kind}'" for kind in kinds)
    return Statement(
        "WITH RECURSIVE waiting (owner_id, number) AS ("  # noqa: S608 - our own words
        f"SELECT MIN(owner_id), 1 FROM execution WHERE {_WAITING} AND owner_id > :after "
        f"UNION ALL SELECT (SELECT MIN(owner_id) FROM execution WHERE {_WAITING} AND owner_id > waiting.owner_id), number + 1 "
        "FROM waiting WHERE waiting.owner_id IS NOT NULL AND number < :limit) "
        f"SELECT owner_id, CASE WHEN EXISTS (SELECT 1 FROM execution WHERE {_WAITING} "
        f"AND execution.owner_id = waiting.owner_id AND action_kind IN ({one_of}) AND ready_at <= :now) "
        "THEN (SELECT COUNT(*) FROM execution "
        "WHERE status = 'STARTED' AND queue = :queue AND execution.owner_id = waiting.owner_id) END "
        "FROM waiting WHERE owner_id IS NOT NULL ORDER BY number"
    )


@functools.cache
def _any(kind: str) -> Statement:
    return Statement(
        f"SELECT id FROM execution WHERE {_WAITING} AND action_kind = '{kind}' AND ready_at <= :now LIMIT 1"  # noqa: S608
    )


@functools.cache
def _first(kind: str) -> Statement:
    return Statement(
        f"SELECT ready_at, id FROM execution WHERE {_WAITING} AND owner_id = :owner_id "  # noqa: S608 - our own words
        f"AND action_kind = '{kind}' AND ready_at <= :now ORDER BY ready_at LIMIT :limit"
    )
