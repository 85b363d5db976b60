"""How many executions there are of each owner, module, name and status, and how long they took, so that nobody counts rows.

The database itself notes each change of what is counted, in the transaction of the change, that of an older version's process too.
Notes are only added, so that writers do not wait for one another. The scheduler folds them into the counts (`store.rollups`);
what there is now is noted like what comes.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_TABLES = """
CREATE TABLE execution_change (
    number {serial},
    n INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    module TEXT NOT NULL,
    task_name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    waited BIGINT,
    ran BIGINT
);
CREATE TABLE execution_rollup (
    grouping_set INTEGER NOT NULL,
    period BIGINT NOT NULL,
    measure INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    module TEXT NOT NULL,
    task_name TEXT NOT NULL,
    begins_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (grouping_set, period, measure, owner_id, module, task_name, begins_at, outcome, bucket)
){options};
"""
#: A FAILURE of which nobody knows how it ended is an outcome of its own.
_OUTCOME = "CASE WHEN {row}.status = 'FAILURE' AND {row}.failure_reason = 'OUTCOME_UNKNOWN' THEN 'UNKNOWN' ELSE {row}.status END"
#: When a run that was tried again became due at first is no longer known: it is due after it began. So is one that was registered
#: after it began.
_TIMES = (
    "CASE WHEN {row}.started_at >= {row}.due_at THEN {row}.started_at - {row}.due_at END, "
    "CASE WHEN {row}.finished_at >= {row}.started_at THEN {row}.finished_at - {row}.started_at END"
)
#: What is counted of a row, as NEW or OLD.
_COUNTED = f"{{row}}.owner_id, {{row}}.module, {{row}}.task_name, {_OUTCOME}, {{row}}.created_at, {_TIMES}"
_COLUMNS = "owner_id, module, task_name, status, failure_reason, created_at, due_at, started_at, finished_at"
_NOTE = "INSERT INTO execution_change (n, owner_id, module, task_name, outcome, created_at, waited, ran) {rows}"


def _note(new: str = "", old: str = "") -> str:
    rows = [f"({n}, {_COUNTED.format(row=row)})" for n, row in ((-1, old), (1, new)) if row]
    return _NOTE.format(rows=f"VALUES {', '.join(rows)}")


#: Change, its condition with the word of the database for "are not the same", and what is noted.
_TRIGGERS = (
    ("INSERT", "", _note(new="NEW")),
    ("DELETE", "", _note(old="OLD")),
    (
        f"UPDATE OF {_COLUMNS}",
        f"WHEN (({_COUNTED.format(row='NEW')}) {{differ}} ({_COUNTED.format(row='OLD')}))",
        _note(new="NEW", old="OLD"),
    ),
)
_FILL = _NOTE.format(rows=f"SELECT 1, {_COUNTED.format(row='execution')} FROM execution ORDER BY id")  # noqa: S608


def up(engine: Database) -> None:
    """Make the tables and what notes changes; then note what there is."""
    is_sqlite = isinstance(engine, SqliteDatabase)
    tables = _TABLES.format(
        serial="INTEGER PRIMARY KEY" if is_sqlite else "BIGSERIAL PRIMARY KEY",
        # The count is updated in place, where its page has room for the new version of the row.
        options=" WITHOUT ROWID" if is_sqlite else " WITH (fillfactor = 70)",
    )
    for statement in tables.split(";\n"):
        if statement.strip():
            engine.execute_sql(statement)
    for change, condition, note in _TRIGGERS:
        name = f"execution_change_{change.split()[0].lower()}"
        if is_sqlite:
            when = condition.format(differ="IS NOT")
            engine.execute_sql(f"CREATE TRIGGER {name} AFTER {change} ON execution {when} BEGIN {note}; END")
            continue
        when = condition.format(differ="IS DISTINCT FROM")
        engine.execute_sql(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$"
        )
        engine.execute_sql(
            f"CREATE TRIGGER {name} AFTER {change} ON execution FOR EACH ROW {when} EXECUTE FUNCTION {name}()"
        )
    engine.execute_sql(_FILL)
