"""Until when somebody has listened to the events of each tracked app."""

from __future__ import annotations

from peewee import Database


def up(engine: Database) -> None:
    """Add the table."""
    engine.execute_sql("CREATE TABLE heard_app (app TEXT NOT NULL PRIMARY KEY, heard_until BIGINT NOT NULL)")
