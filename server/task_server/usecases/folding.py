"""Folding: the changes of what is counted go into the counts, so that whoever counts has few of them to read."""

from __future__ import annotations

from collections.abc import Iterator

from task_server.store import rollups
from task_server.store.database import Database

#: What one transaction folds. The more it is, the more changes share a cell: ten times as many take two or three times as long. On
#: SQLite every writer waits for that, some 20 ms; on PostgreSQL nobody does, and it is some 100 or 200 ms.
_SQLITE_BATCH, _POSTGRESQL_BATCH = 500, 2000
#: After so many folded changes PostgreSQL is told to give their room back, which takes some 10 ms. Whoever counts reads past them
#: until then, and its own vacuuming comes once a minute at best.
_MOST_LEFT = 10_000


class Folding:
    """The use case of folding. Any number of processes may be at it: one of them is at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batch = _SQLITE_BATCH if database.is_sqlite else _POSTGRESQL_BATCH
        self._left = 0

    def sweep(self) -> Iterator[int]:
        """Fold what is not folded yet; gives, after each transaction, how many changes it was for. Raises DatabaseUnavailable."""
        while True:
            with self._database.read():
                is_any = rollups.has_changes()
            if not is_any:
                return
            with self._database.write():
                folded = rollups.fold(self._database, self._batch)
            self._left += folded
            if self._left >= _MOST_LEFT:
                # Should it fail, that is not tried again after each batch.
                self._left = 0
                rollups.give_room_back(self._database)
            yield folded
            if folded < self._batch:
                return

    def leave(self) -> None:
        """End this thread's connection to the database."""
        self._database.close()
