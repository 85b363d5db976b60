"""PostgreSQL as a service needs it that outlives its database: nothing waits for ever, and a lost connection is made anew."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import peewee
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

T = TypeVar("T")

#: How long one waits for an answer, in seconds. TCP's own timeouts are not enough: a stopped server's kernel, or a proxy, still
#: takes what is sent. Twice this is below the limit of a call, so that its caller hears UNAVAILABLE; and a heartbeat that waits
#: so long in vain, connects anew and succeeds has not lost its lease.
_ANSWER_SECONDS = 10.0
#: How long making a connection may take; each address of a URL with several has so long.
_CONNECT_SECONDS = 5
#: How long the server works on a statement, waits for locks included. Less than the answer is waited for: what was given up
#: here does not go on there, and the caller's connection stays whole.
_STATEMENT_SECONDS = 8
#: How long the server keeps the locks of a transaction whose client says nothing: so long may a frozen worker keep others from
#: a task, and watchers from all events, since they wait for the oldest transaction.
_IDLE_SECONDS = 10
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    # Only a server that takes writes: after a failover the old address may be a standby's.
    "target_session_attrs": "read-write",
    "fallback_application_name": "task-server",
    # For connections that lie idle, so that they are known to be dead before they are needed.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": int(_ANSWER_SECONDS * 1000),
}
_LIMITS = {
    "statement_timeout": _STATEMENT_SECONDS,
    "idle_in_transaction_session_timeout": _IDLE_SECONDS,
}


class _Connection(psycopg.Connection[Any]):
    """A connection that is closed, with OperationalError, when an answer does not come in time."""

    answer_seconds = _ANSWER_SECONDS
    is_silent = False

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Consume a generator of psycopg's, as long as there is time."""
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        deadline = time.monotonic() + self.answer_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    self.is_silent = True
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server was silent for {self.answer_seconds:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            gen.close()


class PostgresDatabase(peewee.PostgresqlDatabase):
    """PostgreSQL at a URL, in which libpq's parameters may set other limits than ours."""

    #: Peewee's own, which its stubs leave out: each thread's connection.
    _state: Any

    def __init__(self, url: str) -> None:
        super().__init__(url, prefer_psycopg3=True)
        given = conninfo_to_dict(url)
        options = [f"-c {name}={seconds * 1000}" for name, seconds in _LIMITS.items()]
        # Of an option that comes twice the later one holds.
        self._conninfo = make_conninfo(
            **{**_DEFAULTS, **given, "options": " ".join([*options, str(given.get("options") or "")])}
        )

    def begin(self, isolation_level: str | None = None) -> None:
        """Begin a transaction, on a new connection where the old one was lost while it lay idle. Raises peewee's errors."""
        try:
            super().begin(isolation_level)
        except (peewee.OperationalError, peewee.InterfaceError):
            connection: _Connection = self.connection()  # type: ignore[no-untyped-call]
            if not connection.closed or connection.is_silent:
                raise
            # Nothing has happened in this transaction yet, so this hides no failure.
            self.close()
            self.connect()
            super().begin(isolation_level)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Within a transaction: let its statements take as long as they need."""
        for name in _LIMITS:
            self.execute_sql(f"SET LOCAL {name} = 0")  # type: ignore[no-untyped-call]
        connection: _Connection = self.connection()  # type: ignore[no-untyped-call]
        connection.answer_seconds = math.inf
        try:
            yield
        finally:
            del connection.answer_seconds

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Connect this thread. Raises peewee's errors.

        Peewee holds a lock of all threads meanwhile: while nobody answers they would wait for one another's time to pass.
        """
        if not self.is_closed():
            if reuse_if_open:
                return False
            raise peewee.OperationalError("this thread is connected already")
        self._state.reset()
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            connection = self._connect()
            self._state.set_connection(connection)
            if self.server_version is None:
                self._set_server_version(connection)  # type: ignore[attr-defined]
        return True

    def _connect(self) -> _Connection:
        return _Connection.connect(self._conninfo, autocommit=True)
