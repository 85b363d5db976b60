"""What an owner has: tasks that have not ended, executions that wait, and bytes.

Each function runs inside a transaction of the caller's.
"""

from __future__ import annotations

from task_server.domain.listing import ExecutionFilter
from task_server.store import rollups
from task_server.store.database import Database
from task_server.store.statement import Statement

_LOCK = Statement("SELECT 1", postgresql="SELECT pg_advisory_xact_lock(hashtextextended('quota:' || :owner_id, 0))")
# The statuses stand in the texts: only so do both databases see that an index of just those rows has all that is asked for.
_ALIVE = Statement(
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN task_type = 'scheduled' THEN 1 ELSE 0 END), 0) FROM task "
    "WHERE status IN ('PENDING', 'STARTED', 'RETRY', 'SCHEDULED', 'PAUSED') AND deleted_at IS NULL AND owner_id = :owner_id"
)
# By queue, of which there are few: the index has them first. What has no kind runs elsewhere, and was registered here.
_QUEUED = Statement(
    "WITH RECURSIVE waiting (queue) AS ("
    "SELECT MIN(queue) FROM execution INDEXED BY execution_ready WHERE status IN ('PENDING', 'RETRY') UNION ALL "
    "SELECT (SELECT MIN(queue) FROM execution INDEXED BY execution_ready "
    "WHERE status IN ('PENDING', 'RETRY') AND queue > waiting.queue) "
    "FROM waiting WHERE waiting.queue IS NOT NULL) "
    "SELECT COALESCE(SUM((SELECT COUNT(*) FROM execution INDEXED BY execution_ready WHERE status IN ('PENDING', 'RETRY') "
    "AND queue = waiting.queue AND owner_id = :owner_id AND action_kind <> '')), 0) FROM waiting"
)

_STORED = Statement(
    "SELECT COALESCE(SUM(source_bytes), 0), COALESCE(SUM(result_bytes), 0) FROM owner_bytes WHERE owner_id = :owner_id"
)
_SCATTERED = Statement("SELECT owner_id FROM owner_bytes GROUP BY owner_id HAVING COUNT(*) > 1")
_REMOVE = Statement("DELETE FROM owner_bytes WHERE owner_id = :owner_id RETURNING source_bytes, result_bytes")
_ADD = Statement("INSERT INTO owner_bytes ({columns}) VALUES ({values})", ("owner_id", "source_bytes", "result_bytes"))


def lock(database: Database, owner_id: str) -> None:
    """Let nobody else count and create for this owner until the transaction ends."""
    if not database.is_sqlite:  # there whoever writes has the whole database
        _LOCK.all(owner_id=owner_id)


def alive(owner_id: str) -> tuple[int, int]:
    """How many tasks of the owner have not ended, and how many of them go by cron."""
    row = _ALIVE.one(owner_id=owner_id)
    return (int(row[0]), int(row[1])) if row else (0, 0)


def queued(owner_id: str) -> int:
    """How many executions of the owner wait."""
    return int(_QUEUED.value(owner_id=owner_id))


def executions(owner_id: str) -> int:
    """How many executions are kept of the owner, its tasks' and those that were registered."""
    return rollups.count(ExecutionFilter(owner_id=owner_id))[0]


def stored(owner_id: str) -> tuple[int, int]:
    """How many bytes the owner's tasks take, and how many what is kept of its executions."""
    row = _STORED.one(owner_id=owner_id)
    return (int(row[0]), int(row[1])) if row else (0, 0)


def scattered() -> list[str]:
    """The owners whose bytes stand in more rows than one, which is so on PostgreSQL alone."""
    return [owner_id for (owner_id,) in _SCATTERED.all()]


def gather(owner_id: str) -> None:
    """Make one row of those with the bytes of an owner. Of two who do so at once each adds up what it removed itself."""
    rows = _REMOVE.all(owner_id=owner_id)
    if rows:
        source, result = (sum(each) for each in zip(*rows, strict=True))
        _ADD.run(owner_id=owner_id, source_bytes=source, result_bytes=result)
