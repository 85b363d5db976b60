"""Dates and times as callers write them. A date is a day of some zone, which may have 23 or 25 hours."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from task_server.domain.clock import Micros, micros

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EXPECTED = (
    "must be a date such as 2026-01-31 or a time such as 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+08:00, "
    "whose + is %2B in a URL"
)


def read_time(text: str, zone: ZoneInfo, *, is_end: bool = False) -> Micros:
    """An RFC 3339 time, or where a day begins in the zone; with `is_end` where it ends. Raises ValueError for anything else."""
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return _midnight_after(day, zone) if is_end else _midnight(day, zone)
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError
        return micros(time)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None


def _midnight(day: date, zone: ZoneInfo) -> Micros:
    # Of a midnight that comes twice this is the first, and of one that is skipped the moment of the shift.
    return micros(datetime.combine(day, datetime.min.time(), zone))


def _midnight_after(day: date, zone: ZoneInfo) -> Micros:
    if day == date.max:
        return micros(datetime.combine(day, datetime.max.time(), zone)) + 1
    return _midnight(day + timedelta(days=1), zone)
