"""How a good run is spoiled: a row is found, copied or changed, or what the harness saw is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tests.faults.facts import Evidence

Spoil = Callable[[sqlite3.Connection, Evidence], None]

#: An ordinary run: a code task's that succeeded at its first attempt.
PLAIN = (
    "SELECT execution.id FROM execution JOIN task ON task.task_id = execution.parent_task "
    "WHERE task.name LIKE 'sum-%' AND execution.status = 'SUCCESS' AND execution.attempt = 1 ORDER BY execution.id"
)


def value(database: sqlite3.Connection, sql: str, *parameters: object) -> Any:
    row = database.execute(sql, parameters).fetchone()
    assert row is not None, f"the run has nothing to spoil for: {sql}"
    return row[0]


def copy_row(database: sqlite3.Connection, table: str, key: str, wanted: object, **changes: object) -> None:
    """Insert a copy of a row with some columns changed."""
    cursor = database.execute(f"SELECT * FROM {table} WHERE {key} = ?", (wanted,))
    columns = [column[0] for column in cursor.description]
    row = dict(zip(columns, cursor.fetchone(), strict=True)) | changes
    database.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", list(row.values())
    )
