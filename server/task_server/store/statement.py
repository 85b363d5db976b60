"""SQL that runs often: its text is made once, and executed many times with parameters.

Peewee makes the text of a query anew each time, which for our wide tables costs more than ten times what the database needs to
answer it. So whatever runs for every call, message or tick is a statement; what is asked for in many shapes, as lists with their
filters are, is a Peewee query. A statement is written once for both databases and names its parameters:

    _GET = Statement("SELECT {columns} FROM execution WHERE id = :id", records.EXECUTION)
    row = _GET.one(id=execution_id)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

import peewee

from task_server.store.tables.tasks import TaskRow

#: One value for each column that was selected, in that order.
Row = Sequence[Any]

#: `:name`, and not the second half of PostgreSQL's `::type`.
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_INDEXED_BY = re.compile(r" INDEXED BY [a-z_]+")


class Statement:
    """One statement, executed on the database that the tables are bound to, inside a transaction of the caller's.

    In `text`, `:name` is a parameter. Where `columns` are given, `{columns}` stands for `a, b`, `{values}` for `:a, :b`, and
    `{changes}` for `a = :a, b = :b`. Values never become part of the text. `postgresql` is the text for PostgreSQL,
    where that needs another one.

    `INDEXED BY` stands where SQLite, which knows nothing of what is in a table, would take an index of more rows than are asked
    for: it has an equality of a status for the best. PostgreSQL has no such words, and does know.
    """

    def __init__(self, text: str, columns: Iterable[str] = (), *, postgresql: str = "") -> None:
        names = list(columns)
        #: By the way in which the driver marks a parameter, SQLite's and PostgreSQL's: the text, and its parameters in order.
        self._texts: dict[str, tuple[str, list[str]]] = {}
        for mark, said in (("?", text), ("%s", postgresql or _INDEXED_BY.sub("", text))):
            filled = said.format(
                columns=", ".join(names),
                values=", ".join(f":{name}" for name in names),
                changes=", ".join(f"{name} = :{name}" for name in names),
            )
            self._texts[mark] = _PARAMETER.sub(mark, filled), _PARAMETER.findall(filled)

    def one(self, **values: Any) -> Row | None:
        """The first row, None when there is none."""
        row: Row | None = self._execute(values).fetchone()
        return row

    def all(self, **values: Any) -> list[Row]:
        """All rows."""
        rows: list[Row] = self._execute(values).fetchall()
        return rows

    def value(self, **values: Any) -> Any:
        """The first column of the first row, None when there is no row."""
        row = self.one(**values)
        return row[0] if row else None

    def run(self, **values: Any) -> int:
        """How many rows were inserted or updated."""
        return int(self._execute(values).rowcount)

    def run_many(self, many: Sequence[dict[str, Any]]) -> int:
        """How many rows were inserted or updated in all: once with each of those values, on PostgreSQL without waiting between."""
        if not many:
            return 0
        engine: Any = TaskRow._meta.database
        text, parameters = self._texts[engine.param]
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            cursor = engine.cursor()
            cursor.executemany(text, [[values[name] for name in parameters] for values in many])
        return int(cursor.rowcount)

    def _execute(self, values: dict[str, Any]) -> Any:
        engine: peewee.Database = TaskRow._meta.database
        text, parameters = self._texts[engine.param]
        if len(values) != len(set(parameters)):
            message = f"the statement has the parameters {parameters}, it was given {list(values)}"
            raise TypeError(message)
        return engine.execute_sql(text, [values[name] for name in parameters])


def rows(query: peewee.ModelSelect[Any]) -> Iterable[Row]:
    """The rows of a Peewee query."""
    found: Any = query.tuples()
    return cast("Iterable[Row]", found)
