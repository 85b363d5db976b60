"""What a zone's clock shows, and the shifts of daylight saving time. All times are naive: in UTC, or as the clock shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from task_server.domain.clock import SECOND, micros, moment


def offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    """How far the zone's clock is ahead of UTC at an instant in UTC."""
    return instant.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def offsets(zone: ZoneInfo, local: datetime) -> tuple[timedelta, timedelta]:
    """How far the clock that shows `local` is ahead of UTC, by the time before and the time after a shift around it.

    Equal where no shift is; the first is less where a shift skips `local`, and more where one repeats it (PEP 495).
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first, second


def shift_at(zone: ZoneInfo, local: datetime) -> datetime:
    """The instant of the shift that skips or repeats `local`."""
    both = offsets(zone, local)
    return shift_between(zone, local - max(both), local - min(both))


def shift_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant after `low` whose offset is that of `high`, to the second; there is one shift between them."""
    before = offset(zone, low)
    first, last = (micros(end.replace(tzinfo=UTC)) // SECOND for end in (low, high))
    while last - first > 1:
        middle = (first + last) // 2
        if offset(zone, moment(middle * SECOND).replace(tzinfo=None)) == before:
            first = middle
        else:
            last = middle
    return moment(last * SECOND).replace(tzinfo=None)
