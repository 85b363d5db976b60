"""When tokens were last used: noted in memory by each call, stored once a minute for each token, away from any call."""

from __future__ import annotations

import threading
import time

from task_server.domain.clock import SECOND, Micros
from task_server.domain.owner import Caller, CallerKind
from task_server.store import tokens
from task_server.store.database import Database

_MINUTE: Micros = 60 * SECOND
#: Those of more tokens are forgotten, and stored again when they come again.
_MEMORY = 10_000


class LastUses:
    """Notes uses, to the minute. A crash loses those that `store` has not stored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        #: By token: the minute of the last use that was noted.
        self._noted: dict[str, Micros] = {}
        self._unstored: dict[str, Micros] = {}

    def note(self, caller: Caller) -> None:
        """The caller came just now."""
        minute = time.time_ns() // 1000 // _MINUTE * _MINUTE
        if caller.kind is not CallerKind.TOKEN or self._noted.get(caller.token_id) == minute:
            return
        with self._lock:
            if len(self._noted) >= _MEMORY:
                self._noted.clear()
            self._noted[caller.token_id] = self._unstored[caller.token_id] = minute

    def store(self) -> None:
        """Store what was noted since, in one transaction; nothing when nobody came. Raises DatabaseUnavailable, and keeps it."""
        with self._lock:
            uses, self._unstored = self._unstored, {}
        if not uses:
            return
        try:
            with self._database.write():
                # In one order, so that no two servers wait for each other's rows.
                for token_id, minute in sorted(uses.items()):
                    tokens.note_use(token_id, minute)
        except BaseException:
            with self._lock:
                self._unstored = uses | self._unstored
            raise
