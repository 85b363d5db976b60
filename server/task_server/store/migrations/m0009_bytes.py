"""How many bytes the tasks and executions of each owner hold, and why an execution holds less than it made.

The database itself counts, in the transaction of each change: whatever adds, changes or removes a row is counted, a process of an
older version too. On SQLite an owner has one row. On PostgreSQL those who create for one owner would wait for one another there, so
each change adds a row, and the cleaner makes one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from peewee import Database, SqliteDatabase

_TABLE = (
    "ALTER TABLE execution ADD COLUMN omission TEXT NOT NULL DEFAULT ''",
    """
CREATE TABLE owner_bytes (
    owner_id TEXT NOT NULL,
    source_bytes BIGINT NOT NULL,
    result_bytes BIGINT NOT NULL
)""",
    "CREATE INDEX owner_bytes_by_owner ON owner_bytes (owner_id)",
)
#: Of a row, as NEW or OLD, how many bytes it holds. What is empty, `[]` or `{}`, counts for nothing.
_TASK = "{size}({row}.definition)"
_EXECUTION = (
    "{size}({row}.task_args) + {size}({row}.task_kwargs) + {size}({row}.metadata) - 6 "
    "+ COALESCE({size}({row}.result), 0) + {size}({row}.traceback)"
)
_LOG = "{size}({row}.text)"
_OWNER = "{row}.owner_id"
_LOG_OWNER = "(SELECT owner_id FROM execution WHERE id = {row}.execution_id)"

#: Table, the columns that are counted, a row's size, its owner, and whether it is source.
_COUNTED = (
    ("task", "definition", _TASK, _OWNER, True),
    ("execution", "task_args, task_kwargs, metadata, result, traceback", _EXECUTION, _OWNER, False),
    ("execution_log", "text", _LOG, _LOG_OWNER, False),
)
_FILL = """
INSERT INTO owner_bytes (owner_id, source_bytes, result_bytes)
SELECT owner_id, SUM(source), SUM(result) FROM (
    SELECT task.owner_id, {task} AS source, 0 AS result FROM task
    UNION ALL SELECT execution.owner_id, 0, {execution} FROM execution
    UNION ALL SELECT execution.owner_id, 0, {log} FROM execution_log JOIN execution ON execution.id = execution_log.execution_id
) AS held GROUP BY owner_id"""


def _sqlite(text: str, row: str) -> str:
    # The versions before 3.43 have no octet_length.
    for column in ("definition", "task_args", "task_kwargs", "metadata", "result", "traceback", "text"):
        text = text.replace(f"{{size}}({{row}}.{column})", f"length(CAST({row}.{column} AS BLOB))")
    return text.format(row=row)


def _postgresql(text: str, row: str) -> str:
    return text.format(size="octet_length", row=row)


#: Done by each change with {source} and {result} more bytes of {owner}: on SQLite to the owner's row, where there is one.
_SQLITE = (
    """
CREATE TRIGGER {name} AFTER {change} ON {table} WHEN {more} <> 0 BEGIN
UPDATE owner_bytes SET source_bytes = source_bytes + {source}, result_bytes = result_bytes + {result} WHERE owner_id = {owner};
INSERT INTO owner_bytes (owner_id, source_bytes, result_bytes) SELECT {owner}, {source}, {result} WHERE changes() = 0;
END""",
)
_POSTGRESQL = (
    """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO owner_bytes (owner_id, source_bytes, result_bytes) VALUES ({owner}, {source}, {result}); RETURN NULL;
END $$""",
    "CREATE TRIGGER {name} AFTER {change} ON {table} FOR EACH ROW WHEN ({more} <> 0) EXECUTE FUNCTION {name}()",
)


def _triggers(sized: Callable[[str, str], str], texts: Iterable[str]) -> Iterator[str]:
    for table, columns, size, owner, is_source in _COUNTED:
        old, new = sized(size, "OLD"), sized(size, "NEW")
        for change, row, more in (
            ("INSERT", "NEW", new),
            ("DELETE", "OLD", f"-({old})"),
            (f"UPDATE OF {columns}", "NEW", f"{new} - ({old})"),
        ):
            said = {
                "name": f"{table}_bytes_{change.split()[0].lower()}",
                "change": change,
                "table": table,
                "more": more,
                "source": more if is_source else "0",
                "result": "0" if is_source else more,
                "owner": owner.format(row=row),
            }
            yield from (text.format(**said) for text in texts)


def up(engine: Database) -> None:
    """Add the column, the table and what counts into it; then count what there is."""
    is_sqlite = isinstance(engine, SqliteDatabase)
    sized = _sqlite if is_sqlite else _postgresql
    fill = _FILL.format(
        task=sized(_TASK, "task"), execution=sized(_EXECUTION, "execution"), log=sized(_LOG, "execution_log")
    )
    for statement in (*_TABLE, *_triggers(sized, _SQLITE if is_sqlite else _POSTGRESQL), fill):
        engine.execute_sql(statement)
