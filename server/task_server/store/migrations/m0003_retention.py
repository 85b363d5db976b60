"""What retention looks for: tasks with many executions, and tasks that ended without one.

Both indexes leave out a task that runs once, so creating, claiming and finishing one costs nothing more. The first has `run_count`
as its key, not as its condition, because how many executions are kept is a setting.
"""

from __future__ import annotations

from peewee import Database

_INDEXES = (
    "CREATE INDEX task_repeating ON task (run_count, task_id) WHERE run_count > 1",
    "CREATE INDEX task_never_run ON task (task_id) WHERE last_execution_id IS NULL AND next_run_at IS NULL",
)


def up(engine: Database) -> None:
    """Make the indexes."""
    for statement in _INDEXES:
        engine.execute_sql(statement)
