"""The tables in which apps keep their results: Celery's own, and that of django-celery-results (`django-db`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, RowMapping, Select, case, column, func, select, table

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.tracking.plain_pickle import read_pickle
from task_server.tracking.result import LeftOut
from task_server.tracking.untrusted_json import UnreadableError, read_json

_LONGEST_TRACEBACK = 256 * 1024
#: Arguments are kept cut; what is far longer is not read.
_LONGEST_ARGUMENTS = 64 * 1024
#: As much of each as is read; other columns are short.
_LONGEST = {"result": MAX_RESULT_BYTES, "args": _LONGEST_ARGUMENTS, "kwargs": _LONGEST_ARGUMENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTable:
    """A table of results. The newest rows have the highest numbers in its column `id`."""

    name: str
    #: The columns that are read where they are there, by the names of what they hold in Celery's own records of runs. They have no
    #: types: SQLite keeps whatever is put into them, and one odd value would make all those that are read with it unreadable.
    columns: Mapping[str, Any]
    #: The value that a row keeps as data. Raises UnreadableError.
    decoded: Callable[[str | bytes, RowMapping], Any]

    def with_columns(self, present: Collection[str]) -> ResultTable:
        """The table without the columns that are not there: some came with later versions, or with settings of the app."""
        there = {said: each for said, each in self.columns.items() if each.name in present}
        return ResultTable(name=self.name, columns=there, decoded=self.decoded)

    def of(self, task_ids: Sequence[str]) -> Select[Any]:
        """Asks for the results of runs."""
        return select(*self._read()).select_from(table(self.name)).where(self.columns["task_id"].in_(task_ids))

    def newest(self, before: int | None, limit: int) -> Select[Any]:
        """Asks for number, id and date of the newest rows, of those with lower numbers than `before`, the highest first."""
        number = column("id", Integer)
        asked = select(number, self.columns["task_id"], self.columns["date_done"]).select_from(table(self.name))
        below = asked if before is None else asked.where(number < before)
        # By the primary key, for many a table has no index of its dates.
        return below.order_by(number.desc()).limit(limit)

    def meta(self, row: RowMapping) -> dict[str, Any]:
        """A row as Celery's own record of a run."""
        meta: dict[str, Any] = {name: row[name] for name in self.columns}
        for name in _LONGEST.keys() & meta.keys():
            try:
                meta[name] = self._value(name, row)
            except UnreadableError as error:
                meta[name] = LeftOut(str(error)) if name == "result" else None
        return meta

    def _read(self) -> Iterable[Any]:
        for name, each in self.columns.items():
            if name in _LONGEST:
                size = func.length(each)
                yield case((size <= _LONGEST[name], each), else_=None).label(name)
                yield size.label(f"{name}_size")
            elif name == "traceback":
                yield func.substr(each, 1, _LONGEST_TRACEBACK).label(name)
            else:
                yield each.label(name)

    def _value(self, name: str, row: RowMapping) -> Any:
        if (row[f"{name}_size"] or 0) > _LONGEST[name]:
            raise UnreadableError(f"it is larger than {_LONGEST[name]:,} bytes")
        data = row[name]
        if data is None:
            return None
        if not isinstance(data, str | bytes):
            raise UnreadableError("it is neither text nor bytes")
        return self.decoded(data, row)


def _celerys(data: str | bytes, _: RowMapping) -> Any:
    data = data.encode() if isinstance(data, str) else data
    # Until 5.6 Celery pickled here; the first byte tells.
    return read_pickle(data) if data[:1] == b"\x80" else read_json(data)


def _djangos(data: str | bytes, row: RowMapping) -> Any:
    if row.get("content_type") != "application/json" or row.get("content_encoding") == "binary":
        raise UnreadableError("it is no JSON")
    return read_json(data)


CELERYS = ResultTable(
    name="celery_taskmeta",
    columns={
        "task_id": column("task_id"),
        "status": column("status"),
        "date_done": column("date_done"),
        "traceback": column("traceback"),
        "result": column("result"),
        # From here on only where an app sets `result_extended`, or its Celery made the tables with them.
        "name": column("name"),
        "args": column("args"),
        "kwargs": column("kwargs"),
        "worker": column("worker"),
        "retries": column("retries"),
        "queue": column("queue"),
    },
    decoded=_celerys,
)
DJANGOS = ResultTable(
    name="django_celery_results_taskresult",
    columns={
        "task_id": column("task_id"),
        "status": column("status"),
        "date_done": column("date_done"),
        "traceback": column("traceback"),
        "result": column("result"),
        "content_type": column("content_type"),
        "content_encoding": column("content_encoding"),
        # Filled only where a project sets CELERY_RESULT_EXTENDED.
        "name": column("task_name"),
        "args": column("task_args"),
        "kwargs": column("task_kwargs"),
        "worker": column("worker"),
    },
    decoded=_djangos,
)
