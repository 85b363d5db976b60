"""What executions print. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Callable

from task_server.domain.execution import LogChunk
from task_server.store import records
from task_server.store.statement import Statement

_GROW = Statement(
    "UPDATE execution SET log_bytes = log_bytes + :size WHERE id = :id AND attempt = :attempt AND status = 'STARTED' "
    "RETURNING log_bytes, owner_id"
)
_OMIT = Statement("UPDATE execution SET log_bytes = log_bytes - :size, omission = :omission WHERE id = :id")
_INSERT = Statement("INSERT INTO execution_log ({columns}) VALUES ({values})", ("execution_id", *records.LOG_CHUNK))
_READ = Statement(
    "SELECT {columns} FROM execution_log WHERE execution_id = :execution_id AND first_byte >= COALESCE("
    "(SELECT MAX(first_byte) FROM execution_log WHERE execution_id = :execution_id AND first_byte <= :offset), 0) "
    "ORDER BY first_byte LIMIT :limit",
    records.LOG_CHUNK,
)


def append(execution_id: str, attempt: int, text: str, omission: Callable[[str, int], str]) -> bool:
    """Add to the log of a run. False when that attempt no longer holds it: then nothing was added.

    `omission` says of so many bytes of an owner why they are not stored, where they are not; the execution says so then.
    """
    size = len(text.encode())
    # The row is changed first: of two who add at once, the second waits here and goes on behind the first.
    grown = _GROW.one(id=execution_id, attempt=attempt, size=size)
    if grown is None:
        return False
    end, owner_id = grown
    if why := omission(owner_id, size):
        _OMIT.run(id=execution_id, size=size, omission=why)
        return True
    _INSERT.run(execution_id=execution_id, first_byte=end - size, attempt=attempt, text=text)
    return True


def read(execution_id: str, offset: int, limit: int) -> list[LogChunk]:
    """Up to `limit` pieces of a log that reach beyond `offset`, in order; the first may begin before it."""
    return [records.log_chunk(row) for row in _READ.all(execution_id=execution_id, offset=offset, limit=limit)]
