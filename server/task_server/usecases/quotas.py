"""Quotas: whether an owner may have one more task, schedule or waiting execution, asked in the transaction that makes it."""

from __future__ import annotations

import time

from task_server.domain.errors import QuotaExceeded
from task_server.domain.quotas import Quotas
from task_server.store import usage
from task_server.store.database import Database

#: Below so much room each creation counts, and those of one owner wait for one another: so many may be about to commit at once.
_NEAR = 1000
#: More creations a second no database takes: so long does it take to use the room that there was.
_FASTEST = 20_000
#: How long room is believed in at most, in seconds.
_LONGEST = 1.0
_MOST_OWNERS = 10_000


class QuotaGuard:
    """Counts what owners have, seldom while there is much room, and exactly near a limit. Any number of threads use it."""

    def __init__(self, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas
        #: By owner, until when there is room, by the monotonic clock.
        self._roomy_until: dict[str, float] = {}

    def admit(self, owner_id: str, *, tasks: int = 0, schedules: int = 0, queued: int = 0) -> None:
        """Raise QuotaExceeded where the owner may not have so many more. Within the transaction that makes them."""
        asked = {"tasks": tasks, "schedules": schedules, "queued": queued}
        quota = self._quotas.of(owner_id)
        most = {name: getattr(quota, name) for name, more in asked.items() if more and getattr(quota, name)}
        now = time.monotonic()
        if not most or now < self._roomy_until.get(owner_id, 0.0):
            return
        room = min(most[name] - used for name, used in self._used(owner_id, most).items())
        if room > _NEAR:
            if len(self._roomy_until) >= _MOST_OWNERS:
                self._roomy_until.clear()
            self._roomy_until[owner_id] = now + min(_LONGEST, (room - _NEAR) / _FASTEST)
            return
        usage.lock(self._database, owner_id)
        for name, used in self._used(owner_id, most).items():
            if used + asked[name] > most[name]:
                raise QuotaExceeded(name, most[name], used)

    def has_room(self, owner_id: str) -> bool:
        """Whether the owner may have one more waiting execution; for whoever makes them for several owners, and so locks none."""
        most = self._quotas.of(owner_id).queued
        if not most or time.monotonic() < self._roomy_until.get(owner_id, 0.0):
            return True
        return usage.queued(owner_id) < most

    @staticmethod
    def _used(owner_id: str, most: dict[str, int]) -> dict[str, int]:
        used: dict[str, int] = {}
        if "tasks" in most or "schedules" in most:
            used["tasks"], used["schedules"] = usage.alive(owner_id)
        if "queued" in most:
            used["queued"] = usage.queued(owner_id)
        return {name: used[name] for name in most}
