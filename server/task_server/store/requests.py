"""Requests that made executions, as long as they are remembered. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.repeatable import Repeatable
from task_server.store import records
from task_server.store.statement import Statement

_INSERT = Statement(
    "INSERT INTO executed_request ({columns}) VALUES ({values})",
    ("owner_id", "request_id", "digest", "execution_ids", "made_at"),
)
_FIND = Statement(
    "SELECT digest, execution_ids FROM executed_request WHERE owner_id = :owner_id AND request_id = :request_id"
)
_OLD = "SELECT owner_id, request_id FROM executed_request WHERE made_at < :before ORDER BY made_at LIMIT :limit"
_IS_OLD = Statement(_OLD)
_REMOVE = Statement(f"DELETE FROM executed_request WHERE (owner_id, request_id) IN ({_OLD})")  # noqa: S608 - no values


class Executed(NamedTuple):
    """What a request made."""

    digest: str
    #: The executions, in the order in which they were answered.
    execution_ids: list[str]


def insert(owner_id: str, request: Repeatable, execution_ids: Sequence[str], now: Micros) -> None:
    """Remember what a request of a user made. Where the same id came at the same moment, DuplicateKeyError ends the transaction."""
    _INSERT.run(
        owner_id=owner_id,
        request_id=request.request_id,
        digest=request.digest,
        execution_ids=records.dumps(list(execution_ids)),
        made_at=now,
    )


def find(owner_id: str, request_id: str) -> Executed | None:
    """What the request of that user with that id made."""
    row = _FIND.one(owner_id=owner_id, request_id=request_id)
    return Executed(row[0], json.loads(row[1])) if row else None


def is_any_old(before: Micros) -> bool:
    """Whether there is a request that `remove` would remove."""
    return _IS_OLD.one(before=before, limit=1) is not None


def remove(before: Micros, limit: int) -> int:
    """Forget up to `limit` requests from before that time; how many."""
    return _REMOVE.run(before=before, limit=limit)
