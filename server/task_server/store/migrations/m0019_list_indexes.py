"""The indexes that those of lists are as good as go, in a step of their own.

To drop an index nobody may use the table; to make one nobody may write. Where both were one step, whoever had read the table and
was about to write waited for it, as it did for them: beside servers that were at work it was never done on PostgreSQL.
"""

from __future__ import annotations

from peewee import Database


def up(engine: Database) -> None:
    """Drop them, where they are there still."""
    for name in ("execution_by_owner", "execution_unfinished"):
        engine.execute_sql(f"DROP INDEX IF EXISTS {name}")
