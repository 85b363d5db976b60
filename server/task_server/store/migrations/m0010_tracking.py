"""The Celery app of a run that was registered, how often it was tried again, and when its result backend is asked next."""

from __future__ import annotations

from peewee import Database

_CHANGES = (
    "ALTER TABLE execution ADD COLUMN app TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE execution ADD COLUMN retries INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE execution ADD COLUMN sync_after BIGINT",
    "ALTER TABLE execution ADD COLUMN sync_count INTEGER NOT NULL DEFAULT 0",
    # What was registered before is asked for too.
    """UPDATE execution SET sync_after = created_at
    WHERE registered_task_id IS NOT NULL AND status IN ('PENDING', 'STARTED', 'RETRY')""",
    "CREATE INDEX execution_to_sync ON execution (sync_after) WHERE sync_after IS NOT NULL",
)


def up(engine: Database) -> None:
    """Add the columns and the index."""
    for statement in _CHANGES:
        engine.execute_sql(statement)
