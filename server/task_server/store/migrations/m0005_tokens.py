"""Grants, names and last use of tokens, and the executions that callers register.

Tokens that were made before could make both kinds of tasks, and still can. A registered execution has an id of its own, so that two
owners may register the same Celery task id and neither learns of the other.
"""

from __future__ import annotations

from peewee import Database

_CHANGES = (
    "ALTER TABLE token ADD COLUMN grants TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE token ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE token ADD COLUMN last_used_at BIGINT",
    "UPDATE token SET grants = 'api:create code:create'",
    "CREATE INDEX token_order ON token (created_at, id)",
    "ALTER TABLE execution ADD COLUMN registered_task_id TEXT",
    """CREATE UNIQUE INDEX execution_registered ON execution (registered_task_id, owner_id)
    WHERE registered_task_id IS NOT NULL""",
)


def up(engine: Database) -> None:
    """Add the columns and the indexes."""
    for statement in _CHANGES:
        engine.execute_sql(statement)
