"""Refused calls on their way to the audit log: collected while calls are served, and stored by one task, soon after.

A refusal changes nothing, so there is no transaction that it could be part of; and whoever is refused may try thousands of times a
second, which must not become as many rows. Of one token, or of one address where no token was known, so many refusals a minute
are told one by one; of further ones the next minute tells how many there were.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

from task_server.api.threads import Threads
from task_server.domain.audit import AuditEvent
from task_server.domain.errors import DatabaseUnavailable
from task_server.usecases.auditing import Auditing

_log = logging.getLogger(__name__)
#: How many refusals of one caller are told one by one, in each of these many seconds.
_TOLD, _WINDOW_SECONDS = 20, 60.0
#: Callers that are counted apart in one window; all others count as one.
_CALLERS = 1000
#: Refusals that wait to be stored; more are lost, which the log tells.
_WAITING = 2 * _CALLERS
#: How long a refusal may wait, so that many go into one transaction.
_STORE_SECONDS = 0.5


class Refusals:
    """Takes refusals from the event loop, without waiting."""

    def __init__(self, auditing: Auditing, threads: Threads) -> None:
        self._auditing = auditing
        self._threads = threads
        self._waiting: list[AuditEvent] = []
        self._ending = asyncio.Event()
        self._window_ends = 0.0
        #: By caller: how many refusals in this window, and the last of those beyond what is told one by one.
        self._counts: dict[str, int] = {}
        self._beyond: dict[str, AuditEvent] = {}

    def note(self, refusal: AuditEvent, caller: str) -> None:
        """Take one refusal, of a caller by its token or address."""
        self._turn_window()
        if caller not in self._counts and len(self._counts) >= _CALLERS:
            caller = ""
        count = self._counts[caller] = self._counts.get(caller, 0) + 1
        if count > _TOLD:
            self._beyond[caller] = refusal
        else:
            self._add(refusal)

    async def store_always(self) -> None:
        """Store what was noted, again and again, until `end`; and then what is left."""
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _STORE_SECONDS)
            self._turn_window()
            await self._store()

    def end(self) -> None:
        """Have `store_always` end."""
        self._window_ends = 0.0
        self._ending.set()

    async def _store(self) -> None:
        some, self._waiting = self._waiting, []
        if not some:
            return
        try:
            await self._threads.run(self._auditing.store, some)
        except DatabaseUnavailable:
            self._waiting = some + self._waiting
        except Exception:
            # A defect; but what is refused later must be told all the same.
            _log.exception("%d refusals could not be told to the audit log", len(some))

    def _turn_window(self) -> None:
        now = time.monotonic()
        if now < self._window_ends:
            return
        for caller, last in self._beyond.items():
            more = self._counts[caller] - _TOLD
            self._add(replace(last, detail=f"the last of {more} more within {_WINDOW_SECONDS:g} s"))
        self._window_ends = now + _WINDOW_SECONDS
        self._counts, self._beyond = {}, {}

    def _add(self, refusal: AuditEvent) -> None:
        if len(self._waiting) < _WAITING:
            self._waiting.append(refusal)
        else:
            _log.error("a refusal is lost to the audit log", extra={"method": refusal.method, "peer": refusal.peer})
