"""SQLite as several busy writers need it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

#: The waits between two tries to become the writer, in seconds. SQLite's own grow to 100 ms, in which a busy writer of another
#: process commits ten times: it would hardly ever let anybody else in.
_SHORTEST_WAIT, _LONGEST_WAIT = 0.000_25, 0.002
#: After so many of SQLite's steps it is looked whether a reader's time is over: some milliseconds, most often.
_STEPS = 10_000


class SqliteDatabase(peewee.SqliteDatabase):
    """SQLite in WAL mode, safe against power cuts, whose writers wait for each other in short steps.

    `busy_seconds` is how long one waits for others, `read_seconds` how long one may read. A file that is removed while it is in use
    is not made anew, and one that is replaced is opened anew: what is written to a removed file nobody would ever see.
    """

    def __init__(self, path: str, busy_seconds: float, read_seconds: float) -> None:
        self._busy_seconds = busy_seconds
        self._read_seconds = read_seconds
        self._reading = _Reading()
        self._writing = threading.RLock()
        #: When whoever has the turn to write gives up, by the monotonic clock.
        self._busy_until = 0.0
        self._was_there = False
        #: The file that this thread's connection has open.
        self._opened = threading.local()
        self._path = Path(path)
        super().__init__(
            self._opening("rwc"),
            uri=True,
            pragmas={
                "journal_mode": "wal",
                # FULL: a commit that was answered survives a power cut.
                "synchronous": "full",
                "busy_timeout": self._busy_milliseconds,
                "foreign_keys": 1,
            },
        )

    @property
    def _busy_milliseconds(self) -> int:
        return int(self._busy_seconds * 1000)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let the writers of this process through one by one, each as soon as the one before is done.

        Left to themselves they would all ask SQLite again and again, which does not queue. The wait for the turn and that for other
        processes share `busy_seconds`. Raises peewee.OperationalError when the turn does not come within those.
        """
        until = time.monotonic() + self._busy_seconds
        if not self._writing.acquire(timeout=self._busy_seconds):
            raise peewee.OperationalError("other threads write")
        try:
            self._busy_until = until
            yield
        finally:
            self._writing.release()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let what is read in the block take `read_seconds` at most: beyond those the statement ends with OperationalError.

        Nobody else would end it: who asked for it may be gone, and it keeps the log from being written back into the file.
        """
        before = self._reading.until
        self._reading.until = min(before, time.monotonic() + self._read_seconds)
        try:
            yield
        finally:
            self._reading.until = before

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction, an IMMEDIATE one in a `turn`. Raises peewee.OperationalError when another one writes too long."""
        if lock_type != "IMMEDIATE":
            super().begin(lock_type)
            return
        wait = _SHORTEST_WAIT
        self.execute_sql("PRAGMA busy_timeout = 0")  # type: ignore[no-untyped-call]
        try:
            while True:
                try:
                    super().begin(lock_type)
                except peewee.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > self._busy_until:
                        raise
                else:
                    return
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {self._busy_milliseconds}")  # type: ignore[no-untyped-call]

    def is_connection_usable(self) -> bool:
        """Whether this thread has a connection, to the file that is there now."""
        usable: bool = super().is_connection_usable()
        return usable and (self.in_transaction() or self._opened.file == self._file())

    def _connect(self) -> Any:
        if self._was_there and self._file() is None:
            raise peewee.OperationalError("the database's file is gone")
        connection = super()._connect()  # type: ignore[misc] # the stubs leave it out
        connection.set_progress_handler(lambda: time.monotonic() > self._reading.until, _STEPS)
        self._opened.file = self._file()
        if self._opened.file is not None:
            self._was_there = True
            # The next time it may be removed between the look at it and its opening, which would make it anew.
            self.database = self._opening("rw")
        return connection

    def _opening(self, mode: str) -> str:
        """What SQLite calls the file, which it makes where it is missing in the mode `rwc` alone (sqlite.org/uri.html)."""
        return f"{self._path.absolute().as_uri()}?mode={mode}"

    def _file(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


class _Reading(threading.local):
    """When this thread's reading has to end, by the monotonic clock."""

    until = math.inf
