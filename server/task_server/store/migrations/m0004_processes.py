"""Which processes there are, and which of the workers may run an execution.

The kind of what is stored already comes from its task's definition: of a run that has ended, from what its task does now.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_CHANGES = """
ALTER TABLE execution ADD COLUMN action_kind TEXT NOT NULL DEFAULT '';
UPDATE execution SET action_kind = COALESCE(
    (SELECT {kind} FROM task WHERE task.task_id = execution.parent_task AND {kind} IN ('code', 'http')), ''
) WHERE parent_task IS NOT NULL;

CREATE TABLE process (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    version TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    queues TEXT NOT NULL,
    concurrency INTEGER NOT NULL,
    isolation_level TEXT NOT NULL,
    isolation_layers TEXT NOT NULL,
    code_refusal TEXT NOT NULL
);
"""

# What is no JSON, as no version of ours wrote it, has no kind; it does not keep the rest from being brought here.
_SQLITE_KIND = "CASE WHEN json_valid(definition) THEN json_extract(definition, '$.action.kind') END"
# PostgreSQL before 16 can not be asked whether a text is JSON. No string within it can look so: its quotes are escaped. And
# what else the definition has, as metadata, comes after the action.
_POSTGRESQL_KIND = """substring(definition from '"action": ?[{]"kind": ?"([a-z]+)"')"""


def up(engine: Database) -> None:
    """Add the column and the table."""
    kind = _SQLITE_KIND if isinstance(engine, SqliteDatabase) else _POSTGRESQL_KIND
    for statement in _CHANGES.format(kind=kind).split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
