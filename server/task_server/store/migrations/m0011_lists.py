"""What lists of executions look for: indexes in their order, and on PostgreSQL a function that reads JSON text.

Each index has the status before the time, so that the rows of one status, and merged those of all, come in the order of creation.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_INDEXES = """
CREATE INDEX execution_list ON execution (status, created_at, id);
CREATE INDEX execution_list_owner ON execution (owner_id, status, created_at, id);
CREATE INDEX execution_list_module ON execution (module, status, created_at, id);
CREATE INDEX execution_list_name ON execution (task_name, status, created_at, id);
CREATE INDEX execution_list_owner_module ON execution (owner_id, module, status, created_at, id);
CREATE INDEX execution_list_owner_name ON execution (owner_id, task_name, status, created_at, id);
CREATE INDEX execution_list_task ON execution (parent_task, status, created_at, id) WHERE parent_task IS NOT NULL;
"""
#: What can not be read has nothing in it. PostgreSQL's JSON has no U+0000, for which U+FFFD stands.
_FUNCTION = r"""
CREATE FUNCTION stored_json(document text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN document::jsonb;
EXCEPTION WHEN others THEN
    BEGIN
        RETURN replace(replace(document, '\\', '\u005c'), '\u0000', '\ufffd')::jsonb;
    EXCEPTION WHEN others THEN
        RETURN NULL;
    END;
END
$$
"""


def up(engine: Database) -> None:
    """Add the indexes and the function. What the indexes are as good as `m0019_list_indexes` takes away."""
    for statement in _INDEXES.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
    if not isinstance(engine, SqliteDatabase):
        engine.execute_sql(_FUNCTION)
