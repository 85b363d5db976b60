"""One database, SQLite or PostgreSQL: connections, transactions, its clock, and its errors in our words."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import peewee

from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.sqlite import SqliteDatabase
from task_server.store.tables import TABLES

#: How long a writer waits for another one on SQLite: first for its turn in this process, then for others. Twice
#: this is below the limit of one call, so that a caller hears of it.
_SQLITE_BUSY_SECONDS = 10.0
#: What means that the database is away, and not that a statement is wrong. The bare DatabaseError is what SQLite's driver raises of
#: a file that is damaged or no database.
_AWAY = (peewee.OperationalError, peewee.InterfaceError, peewee.DatabaseError)


class DuplicateKeyError(Exception):
    """A row with that key is there already; the transaction was rolled back."""


class Database:
    """A database that the tables are bound to. Each thread has a connection of its own.

    `url` is `sqlite:///path` or `postgresql://...`. Nothing is connected until the first transaction.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite:///")
        if self.is_sqlite:
            self.path = Path(unquote(url.removeprefix("sqlite:///")))
            self.engine: peewee.Database = SqliteDatabase(str(self.path), _SQLITE_BUSY_SECONDS)
        else:
            self.engine = peewee.PostgresqlDatabase(url, prefer_psycopg3=True, connect_timeout=5)
        self.engine.bind(TABLES, bind_refs=False, bind_backrefs=False)
        self._writing = threading.RLock()

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        """Run the block as one transaction that changes rows. Raises DatabaseUnavailable when the database is away.

        SQLite takes the write lock at once (BEGIN IMMEDIATE): a transaction that begins as a reader can not always become a
        writer, and then fails with "database is locked" whatever the timeout is.
        """
        if not self.is_sqlite:
            with self._translated(), self.engine.atomic():
                yield
            return
        with self._turn(), self._translated(), self.engine.atomic("IMMEDIATE"):
            yield

    @contextlib.contextmanager
    def read(self) -> Iterator[None]:
        """Run the block on one snapshot. Raises DatabaseUnavailable when the database is away."""
        with self._translated(), self.engine.atomic(*(() if self.is_sqlite else ("repeatable read",))):
            yield

    def now(self) -> Micros:
        """The database's clock, which leases and due times go by. SQLite is one machine: its clock is the system's."""
        if self.is_sqlite:
            return time.time_ns() // 1000
        (value,) = self.engine.execute_sql(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        ).fetchone()
        return int(value)

    def ping(self) -> None:
        """Raise DatabaseUnavailable unless the database answers."""
        with self._translated():
            self.engine.execute_sql("SELECT 1").fetchone()

    def close(self) -> None:
        """Close this thread's connection."""
        self.engine.close()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the writers of this process through one by one, each as soon as the one before is done.

        Left to themselves they would all ask SQLite again and again, which does not queue.
        """
        if not self._writing.acquire(timeout=_SQLITE_BUSY_SECONDS):
            raise DatabaseUnavailable
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            if not self.engine.is_connection_usable():
                # A connection that broke, or was never made; nothing has happened in it yet, so this hides no failure.
                self.engine.close()
                self.engine.connect()
            yield
        except peewee.IntegrityError as error:
            raise DuplicateKeyError from error
        except (peewee.DatabaseError, peewee.InterfaceError) as error:
            if type(error) not in _AWAY:
                raise
            # After a lost connection peewee goes on raising until it is closed.
            with contextlib.suppress(peewee.PeeweeException):
                self.engine.close()
            raise DatabaseUnavailable from error
