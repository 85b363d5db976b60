"""Results in the tables of Celery's database backend. They are read, and neither made nor changed, as Celery's own reader would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import sqlalchemy
from celery.backends.database.models import Task, TaskExtended
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.observation import Observation
from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.plain_pickle import read_pickle
from task_server.tracking.result import LeftOut, observation_of
from task_server.tracking.results import ANSWER_SECONDS, ResultBackendAway
from task_server.tracking.untrusted_json import UnreadableError, read_json

#: So many results are in memory at once.
_BATCH = 50
_LONGEST_TRACEBACK = 256 * 1024
#: Only where an app sets `result_extended`, or its Celery made the tables with them.
_EXTENDED = ("worker", "retries", "queue")


class DatabaseResults:
    """The results of an app. Any thread may ask."""

    def __init__(self, app: TrackedApp) -> None:
        self._engine = _engine(app.backend.removeprefix("db+"))
        self._columns: list[Any] = []

    def look_up(self, task_ids: Sequence[str]) -> dict[str, Observation]:
        """What is known, by Celery task id. Raises ResultBackendAway."""
        found = {}
        try:
            with self._engine.connect() as connection:
                columns = self._columns or self._known_columns(connection)
                for start in range(0, len(task_ids) if columns else 0, _BATCH):
                    query = sqlalchemy.select(*columns).where(Task.task_id.in_(task_ids[start : start + _BATCH]))
                    for row in connection.execute(query).mappings():
                        seen = observation_of(_meta(dict(row)))
                        if seen is not None:
                            found[row["task_id"]] = seen
        except DBAPIError as error:
            self._columns = []
            raise ResultBackendAway(type(error.orig).__name__) from None
        except (SQLAlchemyError, OSError) as error:
            raise ResultBackendAway(type(error).__name__) from None
        return found

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _known_columns(self, connection: sqlalchemy.Connection) -> list[Any]:
        """What can be asked for; nothing where no worker has made the table yet."""
        table = Task.__tablename__
        inspector = sqlalchemy.inspect(connection)
        if not inspector.has_table(table):
            return []
        present = {column["name"] for column in inspector.get_columns(table)}
        size = sqlalchemy.func.length(Task.result)
        self._columns = [
            Task.task_id,
            Task.status,
            Task.date_done,
            sqlalchemy.func.substr(Task.traceback, 1, _LONGEST_TRACEBACK).label("traceback"),
            sqlalchemy.case((size <= MAX_RESULT_BYTES, Task.result), else_=None).label("result"),
            size.label("size"),
            *(getattr(TaskExtended, name) for name in _EXTENDED if name in present),
        ]
        return self._columns


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
            "options": f"-c statement_timeout={milliseconds} -c default_transaction_read_only=on",
            # For a server that is silent, and not gone.
            "tcp_user_timeout": milliseconds,
        }
    return sqlalchemy.create_engine(
        url, connect_args=options, pool_pre_ping=True, pool_timeout=ANSWER_SECONDS, hide_parameters=True
    )


def _meta(row: dict[str, Any]) -> dict[str, Any]:
    size = row.pop("size")
    row["result"] = (
        LeftOut(f"it is larger than {MAX_RESULT_BYTES:,} bytes")
        if (size or 0) > MAX_RESULT_BYTES
        else _result(row["result"])
    )
    return row


def _result(data: Any) -> Any:
    if data is None:
        return None
    data = bytes(data)
    try:
        # Until 5.6 Celery pickled here; the first byte tells.
        return read_pickle(data) if data[:1] == b"\x80" else read_json(data)
    except UnreadableError as error:
        return LeftOut(str(error))
