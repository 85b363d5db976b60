"""Token buckets: how many calls somebody may make in a while, and how many of them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

#: Whose buckets are remembered. Beyond it the fullest are forgotten, which are those that have refused least.
_MOST_BUCKETS = 20_000


class Rates:
    """One bucket for each key. A bucket holds `burst` tokens and gets `rate` of them a second; a call takes one.

    A bucket is kept as one number, the time when it will be full again, and a full one not at all. One thread uses it.

    Parameters:
        rate: tokens a second. 0 means that nothing is limited.
        burst: what a bucket holds, and so how many calls may come at once.
        clock: seconds, from any beginning.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic, most: int = _MOST_BUCKETS
    ) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._most = most
        self._full_at: dict[Hashable, float] = {}

    def wait(self, key: Hashable) -> float:
        """How many seconds until the bucket has a token; 0 where it has one."""
        full_at = self._full_at.get(key)
        return 0.0 if full_at is None else max(0.0, full_at - self._slack - self._clock())

    def take(self, key: Hashable) -> None:
        """Take a token from a bucket that has one."""
        if not self._interval:
            return
        now = self._clock()
        if len(self._full_at) >= self._most and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._interval

    def give_back(self, key: Hashable) -> None:
        """Put a token back that was taken for nothing."""
        if key in self._full_at:
            self._full_at[key] -= self._interval

    def _forget(self, now: float) -> None:
        """Forget full buckets; where that leaves more than half, also those that are full soonest."""
        emptiest = sorted(((at, key) for key, at in self._full_at.items() if at > now), key=lambda entry: entry[0])
        self._full_at = {key: at for at, key in emptiest[-(self._most // 2) :]}
