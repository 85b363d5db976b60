"""What is read when it is asked for, rather than counted as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Reading(NamedTuple):
    """One metric with its present values, by the values of its labels."""

    name: str
    about: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]
    #: Whether it only grows, as a counter does.
    grows: bool = False


Source = Callable[[], Sequence[Reading]]


def remembered(source: Source, seconds: float) -> Source:
    """The source, asked no more often than every so many seconds: however often it is scraped, it costs no more."""
    last: Sequence[Reading] = ()
    again_at = 0.0

    def read() -> Sequence[Reading]:
        nonlocal last, again_at
        if time.monotonic() >= again_at:
            last = source()
            again_at = time.monotonic() + seconds
        return last

    return read
