"""What SQLite and PostgreSQL say in different words where rows are filtered: texts, and values within JSON text.

JSON that can not be read has nothing in it, so that one spoiled row does not keep anybody from the others. The character U+0000,
which PostgreSQL does not take, is looked at as U+FFFD.
"""

from __future__ import annotations

from typing import Protocol

import peewee

from task_server.store.clause import Clause
from task_server.store.json_path import Path, Scalar
from task_server.store.postgres_dialect import PostgresDialect
from task_server.store.sqlite_dialect import SqliteDialect
from task_server.store.tables.executions import ExecutionRow


class Dialect(Protocol):
    """How one database says it. `document` is a column, or an expression, of JSON text."""

    #: What stands for a parameter.
    mark: str

    def ordered(self, text: Clause) -> Clause:
        """A text that compares by code points."""
        ...

    def contains(self, text: Clause, part: str) -> Clause:
        """Whether a text has a part in it."""
        ...

    def ends_with(self, text: Clause, end: str) -> Clause:
        """Whether a text has an end, which is not empty."""
        ...

    def indexed_by(self, index: str) -> str:
        """What stands behind a table's name so that an index is used."""
        ...

    def exists(self, document: str, path: Path) -> Clause:
        """Whether there is anything at a path."""
        ...

    def is_filled(self, document: str, path: Path) -> Clause:
        """Whether the object or list at a path has anything in it."""
        ...

    def equals(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the value at a path is that one, of the same type."""
        ...

    def text_at(self, document: str, path: Path) -> Clause:
        """The text at a path, NULL where anything else is."""
        ...

    def compares(self, document: str, path: Path, operator: str, number: float) -> Clause:
        """Whether the number at a path compares so; not so where anything else is."""
        ...

    def has_element(self, document: str, path: Path, value: Scalar) -> Clause:
        """Whether the list at a path has a value in it."""
        ...

    def has_key(self, document: str, path: Path, key: str) -> Clause:
        """Whether the object at a path has a key."""
        ...


def dialect() -> Dialect:
    """That of the database that the tables are bound to."""
    return SqliteDialect() if isinstance(ExecutionRow._meta.database, peewee.SqliteDatabase) else PostgresDialect()
