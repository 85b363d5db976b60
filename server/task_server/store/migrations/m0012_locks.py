"""Locks: each row is a name of a user, with its last acquisition. The second index finds the highest number of a user."""

from __future__ import annotations

from peewee import Database

_CHANGES = (
    """CREATE TABLE named_lock (
    owner_id TEXT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    number BIGINT NOT NULL,
    acquired_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    is_released INTEGER NOT NULL,
    PRIMARY KEY (owner_id, name)
)""",
    "CREATE INDEX named_lock_over ON named_lock (expires_at)",
    "CREATE INDEX named_lock_newest ON named_lock (owner_id, number)",
)


def up(engine: Database) -> None:
    """Add the table."""
    for statement in _CHANGES:
        engine.execute_sql(statement)
