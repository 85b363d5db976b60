"""The sealed secrets of tasks, in a table of their own: they can be sealed anew and removed without touching the task."""

from __future__ import annotations

from peewee import Database

_CHANGES = """
CREATE TABLE sealed_secret (
    task_id TEXT NOT NULL REFERENCES task (task_id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (task_id, kind, name)
);
CREATE INDEX sealed_secret_by_key ON sealed_secret (key_id, task_id, kind, name);
"""


def up(engine: Database) -> None:
    """Make the table."""
    for statement in _CHANGES.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
