"""Places: how many executions may run at once, and how many may start in a while, of a queue, an owner or a concurrency key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from task_server.domain.clock import SECOND, Micros

_QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CONCURRENCY = re.compile(r"concurrency:([1-9]\d{0,8})")
_RATE = re.compile(r"rate:([1-9]\d{0,8})/([1-9]\d{0,8})")


@dataclass(frozen=True, slots=True)
class StartRate:
    """At most `count` starts at once, and over time `count` in so many seconds."""

    count: int
    seconds: float

    @property
    def interval(self) -> Micros:
        """How long after a start the next one is earned."""
        return max(1, round(self.seconds * SECOND / self.count))

    def free_at(self, full_at: Micros) -> Micros:
        """When the next one may start, of a bucket that is full at that time."""
        return full_at - (self.count - 1) * self.interval

    def after_start(self, full_at: Micros, now: Micros) -> Micros:
        """When the bucket is full again, once one more has started."""
        return max(full_at, now) + self.interval


@dataclass(frozen=True, slots=True)
class Places:
    """A limit on what runs. Neither part means no limit."""

    #: How many may run at once. 0 means any number.
    concurrency: int = 0
    rate: StartRate | None = None

    def __bool__(self) -> bool:
        return bool(self.concurrency or self.rate)


def read_queue_limits(texts: Iterable[str]) -> dict[str, Places]:
    """By queue, the limits in texts as `reports=concurrency:4+rate:100/60`. Raises ValueError for one that is none."""
    found: dict[str, Places] = {}
    for text in texts:
        queue, _, limits = text.partition("=")
        places = Places()
        for limit in limits.split("+"):
            if (match := _CONCURRENCY.fullmatch(limit)) and not places.concurrency:
                places = replace(places, concurrency=int(match[1]))
            elif (match := _RATE.fullmatch(limit)) and places.rate is None:
                places = replace(places, rate=StartRate(int(match[1]), float(match[2])))
            else:
                raise ValueError(_no_limit(text))
        if not _QUEUE.fullmatch(queue) or queue in found:
            raise ValueError(_no_limit(text))
        found[queue] = places
    return found


def _no_limit(text: str) -> str:
    return f"{text!r} is no limit of a queue, or a second one; write it as reports=concurrency:4+rate:100/60"
