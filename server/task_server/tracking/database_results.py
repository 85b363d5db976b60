"""Results in a database, in Celery's own table or in Django's. They are read, and neither made nor changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from task_server.domain.clock import Micros
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.result import done_at, seen_of
from task_server.tracking.result_tables import CELERYS, DJANGOS, ResultTable
from task_server.tracking.results import ANSWER_SECONDS, ResultBackendAway
from task_server.tracking.seen import Seen, is_task_id

#: So many results are in memory at once.
_BATCH = 50
#: So many rows are looked at in one question, of each its number, id and date.
_PAGE = 500
#: PostgreSQL's number for how it sends values as text.
_TEXT_FORMAT = 0


class DatabaseResults:
    """The results of an app. Any thread may ask. Where both tables are there, both are read."""

    def __init__(self, app: TrackedApp) -> None:
        self._engine = _engine(app.backend.removeprefix("db+"))
        self._zone = app.time_zone
        self._tables: list[ResultTable] = []

    def look_up(self, task_ids: Sequence[str]) -> dict[str, Seen]:
        """What is known, by Celery task id. Raises ResultBackendAway."""
        found = {}
        with self._connected() as connection:
            for table in self._known_tables(connection):
                for start in range(0, len(task_ids), _BATCH):
                    for row in connection.execute(table.of(task_ids[start : start + _BATCH])).mappings():
                        meta = table.meta(row)
                        seen = seen_of(row["task_id"], meta | {"date_done": self._in_zone(meta["date_done"])})
                        if seen is not None:
                            found[seen.task_id] = seen
        return found

    def stored_since(self, moment: Micros) -> Iterator[list[str]]:
        """The Celery task ids of what was stored from then on, in pages. Raises ResultBackendAway.

        Each table is read from its newest row down to a page of which all were stored earlier: whatever is below had been begun
        before that moment. A page, since one row may be of a machine whose clock is wrong.
        """
        with self._connected() as connection:
            tables = self._known_tables(connection)
        for table in tables:
            yield from self._rows_since(table, moment)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _rows_since(self, table: ResultTable, moment: Micros) -> Iterator[list[str]]:
        before, is_older = None, False
        while True:
            with self._connected() as connection:
                rows = connection.execute(table.newest(before, _PAGE)).all()
            page: list[Any] = []
            for _, task_id, date_done in rows:
                done = done_at(self._in_zone(date_done))
                # What has no date goes on. It was begun before the row above was.
                is_older = is_older if done is None else done < moment
                if not is_older:
                    page.append(task_id)
            yield list(filter(is_task_id, page))
            if len(rows) < _PAGE or not page:
                return
            before = rows[-1][0]

    def _in_zone(self, date: Any) -> Any:
        """The date of a row: that of Celery's own table names no zone, although it may be in another one than UTC."""
        try:
            said = datetime.fromisoformat(date) if isinstance(date, str) else None
        except ValueError:
            return None
        return said.replace(tzinfo=self._zone) if said and said.tzinfo is None else said

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlalchemy.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            self._tables = []
            raise ResultBackendAway(type(error.orig).__name__) from None
        except (SQLAlchemyError, OSError) as error:
            raise ResultBackendAway(type(error).__name__) from None

    def _known_tables(self, connection: sqlalchemy.Connection) -> list[ResultTable]:
        """The tables that are there, with what can be asked for; none where no worker has made one yet."""
        if not self._tables:
            inspector = sqlalchemy.inspect(connection)
            there = [table for table in (CELERYS, DJANGOS) if inspector.has_table(table.name)]
            self._tables = [
                table.with_columns({each["name"] for each in inspector.get_columns(table.name)}) for table in there
            ]
        return self._tables


def _engine(backend: str) -> sqlalchemy.Engine:
    """What connects to the database, to read alone, and gives up soon."""
    url = sqlalchemy.make_url(backend)
    options: dict[str, Any]
    if url.get_backend_name() == "sqlite":
        # Else a file that is not there would be made.
        url = sqlalchemy.make_url(f"sqlite:///file:{quote(url.database or '')}?mode=ro&uri=true")
        options = {"timeout": ANSWER_SECONDS}
    else:
        milliseconds = int(ANSWER_SECONDS * 1000)
        url = url.set(drivername="postgresql+psycopg")
        options = {
            "connect_timeout": int(ANSWER_SECONDS),
            "options": f"-c statement_timeout={milliseconds} -c default_transaction_read_only=on -c DateStyle=ISO",
            # For a server that is silent, and not gone.
            "tcp_user_timeout": milliseconds,
        }
    engine = sqlalchemy.create_engine(
        url, connect_args=options, pool_pre_ping=True, pool_timeout=ANSWER_SECONDS, hide_parameters=True
    )
    if engine.dialect.name == "postgresql":
        sqlalchemy.event.listen(engine, "connect", _read_dates_as_text)
    return engine


def _read_dates_as_text(connection: Any, _: Any) -> None:
    """As SQLite has them. One that Python has no date for, as `infinity`, would make all that are read with it unreadable."""
    adapters = connection.adapters
    as_text = adapters.get_loader(adapters.types["text"].oid, _TEXT_FORMAT)
    for name in ("timestamp", "timestamptz"):
        adapters.register_loader(name, as_text)
