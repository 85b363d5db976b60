"""How long things take, counted in buckets, from which percentiles follow: those of DDSketch (Masson, Rim and Lee, VLDB 2019).

A bucket's bounds are 101 : 99, so the number between them is right to 1 % for all that is in it, and buckets of any parts add up to
those of the whole. The bounds are whole microseconds from one table, not logarithms, so that every machine sorts a time alike.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from task_server.domain.clock import NEVER, Micros


def _bounds() -> list[Micros]:
    bounds = [0]
    while bounds[-1] < NEVER:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 101 // 99))
    return bounds


#: Bucket `i` has the times from `_BOUNDS[i]` to before `_BOUNDS[i + 1]`. The first ones have one microsecond each.
_BOUNDS = _bounds()


def bucket(time: Micros) -> int:
    """The bucket of a time that is not negative."""
    return bisect_right(_BOUNDS, time) - 1


def percentiles(counts: Mapping[int, int], percents: Sequence[int]) -> list[Micros]:
    """The percentiles of the times that were counted in these buckets, each right to 1 %; zeros where there are none.

    The percentile `p` of `n` times is the one of rank `ceil(p * n / 100)`.
    """
    if not counts:
        return [0 for _ in percents]
    buckets = sorted(counts)
    # How many there are in each bucket and those before it.
    ranks = list(accumulate(counts[each] for each in buckets))
    return [_middle(buckets[bisect_left(ranks, -(-percent * ranks[-1] // 100))]) for percent in percents]


def _middle(number: int) -> Micros:
    low, high = _BOUNDS[number], _BOUNDS[number + 1]
    return low if high - low == 1 else 2 * low * high // (low + high)
