"""Who said whose a run of another app is, whether it was registered, and which of those with its Celery task id it is.

What was recorded before is as it is: its owner counts as named. A run that is handed over to another owner takes its bytes with it,
and what filters find it by.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_COLUMNS = (
    "ALTER TABLE execution ADD COLUMN named_by TEXT",
    "ALTER TABLE execution ADD COLUMN is_registered INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE execution ADD COLUMN ordinal INTEGER",
    "CREATE UNIQUE INDEX execution_ordinal ON execution (registered_task_id, ordinal) WHERE ordinal IS NOT NULL",
)
_BYTES = (
    "{size}(OLD.task_args{text}) + {size}(OLD.task_kwargs{text}) + {size}(OLD.metadata{text}) - 6 "
    "+ COALESCE({size}(OLD.result{text}), 0) + {size}(OLD.traceback{text})"
)
# What changes besides is counted for the new owner by the trigger that counts all changes.
_SQLITE_BYTES = _BYTES.replace("{size}(", "length(CAST(").replace("{text}", " AS BLOB)")
_POSTGRESQL_BYTES = _BYTES.format(size="octet_length", text="")
_SQLITE = (
    f"""
CREATE TRIGGER execution_bytes_owner AFTER UPDATE OF owner_id ON execution
WHEN OLD.owner_id <> NEW.owner_id AND {_SQLITE_BYTES} <> 0 BEGIN
UPDATE owner_bytes SET result_bytes = result_bytes - ({_SQLITE_BYTES}) WHERE owner_id = OLD.owner_id;
UPDATE owner_bytes SET result_bytes = result_bytes + {_SQLITE_BYTES} WHERE owner_id = NEW.owner_id;
INSERT INTO owner_bytes (owner_id, source_bytes, result_bytes) SELECT NEW.owner_id, 0, {_SQLITE_BYTES} WHERE changes() = 0;
END""",  # noqa: S608 - names of ours
    """
CREATE TRIGGER execution_attribute_owner AFTER UPDATE OF owner_id ON execution WHEN OLD.owner_id <> NEW.owner_id BEGIN
UPDATE execution_attribute SET owner = NEW.owner_id
WHERE recorded_at = NEW.created_at AND execution_id = NEW.id AND (name, value) IN (
    SELECT name, value FROM (SELECT name, value FROM execution_leaf WHERE execution_id = NEW.id UNION ALL SELECT '', ''));
END""",
)
_POSTGRESQL = (
    f"""
CREATE FUNCTION execution_bytes_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO owner_bytes (owner_id, source_bytes, result_bytes)
VALUES (OLD.owner_id, 0, -({_POSTGRESQL_BYTES})), (NEW.owner_id, 0, {_POSTGRESQL_BYTES}); RETURN NULL;
END $$""",  # noqa: S608 - names of ours
    """
CREATE TRIGGER execution_bytes_owner AFTER UPDATE OF owner_id ON execution FOR EACH ROW
WHEN (OLD.owner_id <> NEW.owner_id) EXECUTE FUNCTION execution_bytes_owner()""",
    """
CREATE FUNCTION execution_attribute_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE execution_attribute AS kept SET owner = NEW.owner_id
    FROM (SELECT * FROM execution_leaves(stored_json(NEW.metadata), 'metadata.')
        UNION ALL SELECT * FROM execution_leaves(stored_json(NEW.task_kwargs), 'task_kwargs.')
        UNION ALL SELECT '', '') AS leaf
    WHERE kept.name = leaf.name AND kept.value = leaf.value
        AND kept.recorded_at = NEW.created_at AND kept.execution_id = NEW.id;
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER execution_attribute_owner AFTER UPDATE OF owner_id ON execution FOR EACH ROW
WHEN (OLD.owner_id <> NEW.owner_id) EXECUTE FUNCTION execution_attribute_owner()""",
)


def up(engine: Database) -> None:
    """Add the columns, the index, and what follows a run to another owner."""
    for statement in (*_COLUMNS, *(_SQLITE if isinstance(engine, SqliteDatabase) else _POSTGRESQL)):
        engine.execute_sql(statement)
