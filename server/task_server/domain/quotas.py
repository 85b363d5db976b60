"""Quotas: how much of the service one owner may have at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace

_PART = re.compile(r"(\w+):(\d{1,12})")
#: What an execution says where something that it made was not stored.
OMISSION = (
    "more bytes of results and logs are kept of its owner than its quota result_bytes allows, so what this run gave from then on "
    "(result, traceback or log) was not stored"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most of each that one owner may have. 0 means any number."""

    #: Tasks that have not ended.
    tasks: int = 0
    #: Of those, the ones that go by cron.
    schedules: int = 0
    #: Executions that wait: for their time, a worker, a place, or another try.
    queued: int = 0
    #: Executions that run.
    running: int = 0
    #: Bytes that the definitions of its tasks take, of those too that ended and are kept.
    source_bytes: int = 0
    #: Bytes of the results, tracebacks, logs and arguments that are kept of its executions.
    result_bytes: int = 0
    #: Executions that are kept; beyond it no run of another app is recorded any more.
    executions: int = 0
    #: Names of locks that are held, or have been a short while ago.
    locks: int = 0


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quota of each owner."""

    usual: Quota = field(default_factory=Quota)
    by_owner: Mapping[str, Quota] = field(default_factory=dict)

    def of(self, owner_id: str) -> Quota:
        """What the owner may have."""
        return self.by_owner.get(owner_id, self.usual)


def most_stored(result_bytes: int) -> int:
    """How many bytes an owner with that quota may hold until what its runs give is not stored any more: a tenth more.

    Beyond the quota nothing new begins; what has begun may end, but there may be very much of it.
    """
    return result_bytes + result_bytes // 10


def read_quotas(usual: Quota, overrides: Iterable[str]) -> Quotas:
    """The quotas with other numbers for some owners, as `li=tasks:5000+running:2`. Raises ValueError for what is no such text."""
    known = {each.name for each in fields(Quota)}
    by_owner: dict[str, Quota] = {}
    for text in overrides:
        owner_id, _, parts = text.rpartition("=")
        said = [_PART.fullmatch(part) for part in parts.split("+")]
        numbers = {match[1]: int(match[2]) for match in said if match and match[1] in known}
        if not owner_id or owner_id in by_owner or len(numbers) != len(said):
            message = f"{text!r} is no quota of an owner, or a second one; write it as li=tasks:5000+running:2"
            raise ValueError(message)
        by_owner[owner_id] = replace(usual, **numbers)
    return Quotas(usual, by_owner)
