"""Quotas: whether an owner may have one more task, schedule, waiting execution, byte or lock, asked where it is made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from task_server.domain.errors import QuotaExceeded
from task_server.domain.quotas import OMISSION, Quotas, most_stored
from task_server.domain.task import TaskDefinition
from task_server.store import locks as lock_rows
from task_server.store import usage
from task_server.store.database import Database
from task_server.store.records import definition_bytes


class _Pace(NamedTuple):
    """How fast room goes."""

    #: Below so much room each creation counts, and those of one owner wait for one another: so much may be about to commit at once.
    near: int
    #: More a second no database takes: so long does it take to use the room that there was.
    fastest: int


_COUNTS = _Pace(1000, 20_000)
_BYTES = _Pace(128 * 1024**2, 512 * 1024**2)
#: They come a thousand at a time.
_EXECUTIONS = _Pace(50_000, 100_000)
_PACES = {"source_bytes": _BYTES, "result_bytes": _BYTES, "executions": _EXECUTIONS}
#: How long room is believed in at most, in seconds.
_LONGEST = 1.0
_MOST_OWNERS = 10_000


class QuotaGuard:
    """Counts what owners have, seldom while there is much room, and exactly near a limit. Any number of threads use it."""

    def __init__(self, database: Database, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas
        #: By owner and quota, until when there is room, by the monotonic clock.
        self._roomy_until: dict[tuple[str, str], float] = {}

    def admit(
        self,
        owner_id: str,
        *,
        tasks: int = 0,
        schedules: int = 0,
        queued: int = 0,
        source_bytes: int = 0,
        result_bytes: int = 0,
        locks: int = 0,
        executions: int = 0,
    ) -> None:
        """Raise QuotaExceeded where the owner may not have so many more. Within the transaction that makes them."""
        counts = {"tasks": tasks, "schedules": schedules, "queued": queued, "locks": locks, "executions": executions}
        asked = {**counts, "source_bytes": source_bytes, "result_bytes": result_bytes}
        most = self._to_count(owner_id, [name for name, more in asked.items() if more])
        if not most or self._has_much_room(owner_id, most, _used(owner_id, most)):
            return
        usage.lock(self._database, owner_id)
        for name, used in _used(owner_id, most).items():
            if used + asked[name] > most[name]:
                raise QuotaExceeded(name, most[name], used)

    def admit_source(self, owner_id: str, definition: TaskDefinition, former: TaskDefinition | None = None) -> None:
        """Raise QuotaExceeded where the owner may not have that definition, in the place of its `former` one if there is one."""
        if not self._to_count(owner_id, ["source_bytes"]):
            return  # its size is not asked for
        more = definition_bytes(definition) - (definition_bytes(former) if former else 0)
        self.admit(owner_id, source_bytes=max(more, 0))

    def has_room(self, owner_id: str) -> bool:
        """Whether the owner may have one more waiting execution; for whoever makes them for several owners, and so locks none."""
        most = self._to_count(owner_id, ["queued", "result_bytes"])
        return all(used < most[name] for name, used in _used(owner_id, most).items())

    def omission(self, owner_id: str, size: int) -> str:
        """Why so many bytes of a result or a log of the owner are not stored; empty where they may be.

        What has begun may end: an owner may hold more than its quota by a margin. No owner is locked, so several runs that end at
        once may each add theirs beyond it.
        """
        most = self._to_count(owner_id, ["result_bytes"]) if size else {}
        if not most:
            return ""
        used = _used(owner_id, most)
        if self._has_much_room(owner_id, most, used):
            return ""
        return OMISSION if used["result_bytes"] + size > most_stored(most["result_bytes"]) else ""

    def _to_count(self, owner_id: str, names: Iterable[str]) -> dict[str, int]:
        """Of those quotas the ones that the owner has, but for those with much room a moment ago."""
        quota, now = self._quotas.of(owner_id), time.monotonic()
        most = {name: getattr(quota, name) for name in names}
        return {
            name: limit for name, limit in most.items() if limit and now >= self._roomy_until.get((owner_id, name), 0.0)
        }

    def _has_much_room(self, owner_id: str, most: dict[str, int], used: dict[str, int]) -> bool:
        """Whether all of them have so much room that nobody needs to be locked out; what has is not counted for a while."""
        is_roomy = True
        for name, limit in most.items():
            pace = _PACES.get(name, _COUNTS)
            room = limit - used[name] - pace.near
            if room <= 0:
                is_roomy = False
                continue
            if len(self._roomy_until) >= _MOST_OWNERS:
                self._roomy_until.clear()
            self._roomy_until[owner_id, name] = time.monotonic() + min(_LONGEST, room / pace.fastest)
        return is_roomy


def _used(owner_id: str, names: Iterable[str]) -> dict[str, int]:
    wanted = set(names)
    used: dict[str, int] = {}
    if wanted & {"tasks", "schedules"}:
        used["tasks"], used["schedules"] = usage.alive(owner_id)
    if "queued" in wanted:
        used["queued"] = usage.queued(owner_id)
    if wanted & {"source_bytes", "result_bytes"}:
        used["source_bytes"], used["result_bytes"] = usage.stored(owner_id)
    if "executions" in wanted:
        used["executions"] = usage.executions(owner_id)
    if "locks" in wanted:
        used["locks"] = lock_rows.count(owner_id)
    return {name: used[name] for name in used if name in wanted}
