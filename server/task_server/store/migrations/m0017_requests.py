"""Requests that made executions, so that one that comes again makes none."""

from __future__ import annotations

from peewee import Database

_CHANGES = (
    """CREATE TABLE executed_request (
    owner_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    execution_ids TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, request_id)
)""",
    "CREATE INDEX executed_request_old ON executed_request (made_at)",
)


def up(engine: Database) -> None:
    """Add the table."""
    for statement in _CHANGES:
        engine.execute_sql(statement)
