"""SQLite as several busy writers need it."""

from __future__ import annotations

import time

import peewee

#: The waits between two tries to become the writer, in seconds. SQLite's own grow to 100 ms, in which a busy writer of another
#: process commits ten times: it would hardly ever let anybody else in.
_SHORTEST_WAIT, _LONGEST_WAIT = 0.000_25, 0.002


class SqliteDatabase(peewee.SqliteDatabase):
    """SQLite in WAL mode, safe against power cuts, whose writers wait for each other in short steps.

    `busy_seconds` is how long one waits for others.
    """

    def __init__(self, path: str, busy_seconds: float) -> None:
        self._busy_seconds = busy_seconds
        super().__init__(
            path,
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

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction. Raises peewee.OperationalError when another one writes for too long."""
        if lock_type != "IMMEDIATE":
            super().begin(lock_type)
            return
        deadline = time.monotonic() + self._busy_seconds
        wait = _SHORTEST_WAIT
        self.execute_sql("PRAGMA busy_timeout = 0")  # type: ignore[no-untyped-call]
        try:
            while True:
                try:
                    super().begin(lock_type)
                except peewee.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                else:
                    return
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {self._busy_milliseconds}")  # type: ignore[no-untyped-call]
