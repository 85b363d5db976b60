"""SQLite finds the attributes of an execution that is changed or removed by their key.

It took no index for a list of keys that several SELECTs make, and read all attributes of all executions each time.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_REMOVE = """
DELETE FROM execution_attribute WHERE recorded_at = OLD.created_at AND execution_id = OLD.id AND (name, value) IN (
    SELECT name, value FROM (SELECT name, value FROM execution_leaf WHERE execution_id = OLD.id UNION ALL SELECT '', ''));"""
_CHANGES = (
    "DROP TRIGGER execution_attribute_replace",
    "DROP TRIGGER execution_attribute_delete",
    f"""CREATE TRIGGER execution_attribute_replace BEFORE UPDATE OF metadata, task_kwargs ON execution
    WHEN OLD.metadata <> NEW.metadata OR OLD.task_kwargs <> NEW.task_kwargs BEGIN {_REMOVE} END""",
    f"CREATE TRIGGER execution_attribute_delete BEFORE DELETE ON execution BEGIN {_REMOVE} END",
)


def up(engine: Database) -> None:
    """Make the triggers anew."""
    for statement in _CHANGES if isinstance(engine, SqliteDatabase) else ():
        engine.execute_sql(statement)
