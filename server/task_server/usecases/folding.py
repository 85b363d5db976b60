"""Folding: the changes of what is counted go into the counts, so that whoever counts has few of them to read."""

from __future__ import annotations

from collections.abc import Iterator

from task_server.store import rollups
from task_server.store.database import Database

#: What one transaction folds. On SQLite a writer waits for as long as that takes, some 10 ms.
_BATCH = 200


class Folding:
    """The use case of folding. Any number of processes may be at it: one of them is at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sweep(self) -> Iterator[int]:
        """Fold what is not folded yet; gives, after each transaction, how many changes it was for. Raises DatabaseUnavailable."""
        while True:
            with self._database.read():
                is_any = rollups.has_changes()
            if not is_any:
                return
            with self._database.write():
                folded = rollups.fold(self._database, _BATCH)
            yield folded
            if folded < _BATCH:
                return

    def leave(self) -> None:
        """End this thread's connection to the database."""
        self._database.close()
