"""One database, SQLite or PostgreSQL: connections, transactions, its clock, and its errors in our words."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import peewee

from task_server.config import Settings
from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.sqlite import SqliteDatabase
from task_server.store.tables.schema import TABLES

_log = logging.getLogger(__name__)
#: How long a writer waits for others on SQLite, for those of its own process and of others. Twice this is below the limit of one
#: call, so that a caller hears of it.
_SQLITE_BUSY_SECONDS = 10.0
#: How long one may read on SQLite, as long as a statement may take on PostgreSQL.
_SQLITE_READ_SECONDS = 8.0
#: What means that the database is away, and not that a statement is wrong. The bare DatabaseError is what SQLite's driver raises of
#: a file that is damaged or no database; InternalError is PostgreSQL's for a server that takes no writes (25006), for a
#: transaction that it gave up (25P03), and for damaged data.
_AWAY = (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError, peewee.DatabaseError)
#: The log says of the same trouble only so often, in seconds.
_TELL_SECONDS = 60.0


class DuplicateKeyError(Exception):
    """A row with that key is there already; the transaction was rolled back."""


class Database:
    """A database that the tables are bound to. Each thread has a connection of its own.

    `url` is `sqlite:///path` or `postgresql://...`. Nothing is connected until the first transaction.
    """

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite:///")
        self._patient: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
        self._reading: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
        if self.is_sqlite:
            self.path = Path(unquote(url.removeprefix("sqlite:///")))
            sqlite = SqliteDatabase(str(self.path), _SQLITE_BUSY_SECONDS, _SQLITE_READ_SECONDS)
            self.engine: peewee.Database = sqlite
            self._turn, self._reading = sqlite.turn, sqlite.reading
        else:
            # psycopg is not there where SQLite is all that is used.
            from task_server.store.postgres import PostgresDatabase

            engine = PostgresDatabase(url)
            self.engine, self._patient = engine, engine.patient
        self.engine.bind(TABLES, bind_refs=False, bind_backrefs=False)
        self._is_sealed = False
        self._has_answered = False
        self._told = ("", 0.0)

    @classmethod
    def of(cls, settings: Settings) -> Database:
        """The database of the settings. Raises ConfigError where it would be reached in plain text, or its URL is none."""
        if not settings.database.startswith("sqlite:///"):
            from task_server.store import postgres_url

            postgres_url.check(settings.database, insecure=settings.insecure)
        return cls(settings.database)

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        """Run the block as one transaction that changes rows. Raises DatabaseUnavailable when the database is away.

        SQLite takes the write lock at once (BEGIN IMMEDIATE): a transaction that begins as a reader can not always become a
        writer, and then fails with "database is locked" whatever the timeout is.
        """
        if not self.is_sqlite:
            with self._translated(), self.engine.atomic():
                yield
                self._refuse_if_sealed()
            return
        with self._translated(), self._turn(), self.engine.atomic("IMMEDIATE"):
            yield
            self._refuse_if_sealed()

    @contextlib.contextmanager
    def read(self) -> Iterator[None]:
        """Run the block on one snapshot. Raises DatabaseUnavailable when the database is away, or the block takes too long."""
        with self._translated(), self._reading(), self.engine.atomic(*(() if self.is_sqlite else ("repeatable read",))):
            yield

    def now(self) -> Micros:
        """The database's clock, which leases and due times go by. SQLite is one machine: its clock is the system's."""
        if self.is_sqlite:
            return time.time_ns() // 1000
        with self._translated():
            (value,) = self.engine.execute_sql(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
            ).fetchone()
        return int(value)

    def seal(self) -> None:
        """Let nothing be committed any more: what is about to be is rolled back, with DatabaseUnavailable.

        For a process that ends and has told its callers, or will, that it did not do what they asked for.
        """
        self._is_sealed = True

    def ping(self) -> None:
        """Raise DatabaseUnavailable unless the database answers and, on PostgreSQL, takes writes, which a standby does not."""
        with self._translated(), self.engine.atomic():
            (answer,) = self.engine.execute_sql(
                "SELECT 1" if self.is_sqlite else "SHOW transaction_read_only"
            ).fetchone()
            if answer == "on":
                raise peewee.OperationalError("it takes no writes")

    @contextlib.contextmanager
    def patiently(self) -> Iterator[None]:
        """Within a transaction: set no limit to how long a statement may take, as a migration of large tables needs."""
        with self._patient():
            yield

    def vacuum(self, table: str) -> None:
        """Have PostgreSQL give the room of a table's removed rows back, past which it reads until then; outside of a transaction.

        Where somebody else is at it, nothing is done. SQLite uses such room again at once.
        """
        if not self.is_sqlite:
            with self._translated():
                self.engine.execute_sql(f"VACUUM (SKIP_LOCKED) {table}")

    def close(self) -> None:
        """Close this thread's connection."""
        self.engine.close()

    def _refuse_if_sealed(self) -> None:
        if self._is_sealed:
            raise DatabaseUnavailable

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            if not self.engine.is_connection_usable():
                # A connection that broke, or was never made; nothing has happened in it yet, so this hides no failure.
                self.engine.close()
                self.engine.connect()
            yield
            self._has_answered = True
        except peewee.IntegrityError as error:
            raise DuplicateKeyError from error
        except (peewee.DatabaseError, peewee.InterfaceError, sqlite3.Error) as error:
            # SQLite reads rows as they are fetched, where peewee does not see what goes wrong.
            if not isinstance(error, sqlite3.Error) and type(error) not in _AWAY:
                raise
            self._drop_connection()
            self._tell(error)
            raise DatabaseUnavailable from error

    def _drop_connection(self) -> None:
        """Close a connection that something went wrong with: after a lost one peewee goes on raising until then.

        SQLite's is whole again once the transaction is taken back. It stays: to open the file anew takes space on the disk, and a
        full one could then not even be read.
        """
        if self.is_sqlite and not self.engine.is_closed() and not self.engine.connection().in_transaction:
            return
        with contextlib.suppress(peewee.PeeweeException):
            self.engine.close()

    def _tell(self, error: Exception) -> None:
        """Log why the database is away: callers hear that it is, and whoever runs the service has to know more.

        One that never answered is told of by the process that can not start without it.
        """
        if not self._has_answered:
            return
        reason = (str(_first(error)).strip().splitlines() or [type(error).__name__])[0]
        told, told_at = self._told
        if reason != told or time.monotonic() - told_at > _TELL_SECONDS:
            self._told = (reason, time.monotonic())
            _log.warning("the database does not do what it is asked for: %s", reason)


def _first(error: BaseException) -> BaseException:
    """The error of the database that came first: what could not be taken back after it says nothing of why."""
    first, before = error, error.__context__
    while before is not None:
        if isinstance(before, peewee.PeeweeException | sqlite3.Error):
            first = before
        before = before.__context__
    return first
