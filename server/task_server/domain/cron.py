"""When a cron expression fires, in a time zone, across daylight saving shifts.

`clock_pattern` knows what a clock without a zone shows next; this file lays that clock over the zone:

- A fixed local time that a shift skips (02:30 in spring) fires once, at the instant of the shift.
- A fixed local time that a shift repeats (02:30 in autumn) fires once, at its first occurrence.
- An expression whose hour is `*` or `*/n` counts elapsed time: it goes on through both shifts without a gap or a double.

These are the rules of Vixie cron ("Daylight Saving Time" in cron(8)), but that a `*` for the minute alone does not count as such.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from task_server.domain.clock import Micros, micros, moment
from task_server.domain.clock_pattern import LAST_YEAR, ClockPattern, CronError, pattern
from task_server.domain.zone_shifts import offset, offsets, shift_at, shift_between

_TICK = timedelta(seconds=1)
_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def parse_zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name, UTC for the empty one. Raises CronError for an unknown one."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # ZoneInfo opens a file of that name: "." or a folder is an OSError.
        message = f"unknown time zone {name!r}; use an IANA name such as Asia/Shanghai or Europe/Berlin"
        raise CronError(message) from None


def check(expression: str, time_zone: str) -> None:
    """Raise CronError unless the expression is well-formed and fires at least once."""
    if next_fire(expression, time_zone, micros(datetime.now(UTC))) is None:
        message = f"{expression!r} never fires: no such day exists"
        raise CronError(message)


def next_fire(expression: str, time_zone: str, after: Micros) -> Micros | None:
    """Return the first firing strictly after `after`, or None when there is none within 40 years or before the year 9999.

    Raises CronError when the expression or the zone is malformed.
    """
    zone = parse_zone(time_zone)
    named = pattern(expression)
    start = moment(after)
    if start.year >= LAST_YEAR:
        return None
    found = (_next_elapsed if named.is_elapsed else _next_fixed)(named, zone, start)
    return None if found is None else micros(found)


def _next_fixed(named: ClockPattern, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next firing of an expression that names hours: each local time that it names fires once."""
    reading = after.astimezone(zone)
    clock = reading.replace(tzinfo=None, fold=0)
    if reading.fold:
        # What the clock shows a second time has fired; the next may come when it shows what it showed at the shift.
        clock = shift_at(zone, clock) + offsets(zone, clock)[0] - _TICK
    local = named.following(clock)
    if local is None:
        return None
    first, second = offsets(zone, local)
    instant = shift_at(zone, local) if first < second else local - first
    return instant.replace(tzinfo=UTC)


def _next_elapsed(named: ClockPattern, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next firing of an expression for any hour: each instant at which the clock shows a time that it names."""
    start = after.replace(tzinfo=None)
    clock = start + offset(zone, start)
    following_day = start + timedelta(days=1)
    if offset(zone, start) != offset(zone, following_day):
        # Only a shift so near can bring back a local time that is behind `clock` already.
        shift = shift_between(zone, start, following_day)
        local = named.following(clock)
        if local is None or local - offset(zone, start) < shift:
            return None if local is None else (local - offset(zone, start)).replace(tzinfo=UTC)
        start, clock = shift - _TICK, shift + offset(zone, shift) - _TICK
    while (local := named.following(clock)) is not None:
        first, second = offsets(zone, local)
        if first < second:
            # A shift skips it: go on with what the clock shows then.
            clock = shift_at(zone, local) + second - _TICK
            continue
        instant = local - first if local - first > start else local - second
        return instant.replace(tzinfo=UTC)
    return None
