"""The harness' own eyes and hands in the database: plain SQL, nothing of the service's store."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg

_RETRY_SECONDS = 30.0


class Connection(Protocol):
    """What both drivers have."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any: ...

    def close(self) -> None: ...


class Tables:
    """The tables of one database. `url` is what the service is given. Every call has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite:///")

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a query gives, tried again while the database is away."""
        deadline = time.monotonic() + _RETRY_SECONDS
        while True:
            try:
                with self.transaction(begin="") as run:
                    return [tuple(row) for row in run(sql, *parameters).fetchall()]
            except (sqlite3.OperationalError, psycopg.OperationalError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN") -> Iterator[Any]:
        """A function that runs statements, `?` for parameters, inside of one transaction; without `begin`, of none."""
        connection = self._connect()

        def run(sql: str, *parameters: object) -> Any:
            return connection.execute(sql if self.is_sqlite else sql.replace("?", "%s"), parameters)

        try:
            if begin:
                run(begin)
            yield run
            if begin:
                run("COMMIT")
        finally:
            # What was not committed is rolled back so.
            connection.close()

    def now(self) -> int:
        """The clock that leases and due times go by, in microseconds."""
        if self.is_sqlite:
            return time.time_ns() // 1000
        return int(self.rows("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")[0][0])

    @property
    def _path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def _connect(self) -> Connection:
        if self.is_sqlite:
            return sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5)
