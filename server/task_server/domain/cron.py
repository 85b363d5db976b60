"""When a cron expression fires, in a time zone, across daylight saving shifts.

croniter counts on a clock without a zone; this file lays that clock over the zone:

- A fixed local time that a shift skips (02:30 in spring) fires once, at the instant of the shift.
- A fixed local time that a shift repeats (02:30 in autumn) fires once, at its first occurrence.
- An expression whose hour is `*` or `*/n` counts elapsed time: it goes on through both shifts without a gap or a double.

These are the rules of Vixie cron ("Daylight Saving Time" in cron(8)), but that a `*` for the minute alone does not count as such.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from task_server.domain.clock import SECOND, Micros, micros, moment

#: How far ahead the next firing is looked for. 29 February on a given weekday comes within 40 years.
_HORIZON_YEARS = 40
#: The calendar ends with 9999; its last year is left out, so that no arithmetic about a firing can leave the calendar.
_LAST_YEAR = 9999
#: All minutes as a list are 169; what is longer costs more to read than an expression may.
_MAX_CHARACTERS = 500
_TICK = timedelta(seconds=1)
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


class CronError(ValueError):
    """The expression or the zone is wrong, or never fires. The message says what to write instead."""


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
    iterator = _iterator(expression)
    start = moment(after)
    if start.year >= _LAST_YEAR:
        return None
    find = _next_elapsed if _hour_field(expression).startswith("*") else _next_fixed
    found = find(iterator, zone, start)
    return None if found is None else micros(found)


def _next_fixed(iterator: croniter, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next firing of an expression that names hours: each local time that it names fires once."""
    reading = after.astimezone(zone)
    clock = reading.replace(tzinfo=None, fold=0)
    if reading.fold:
        # What the clock shows a second time has fired; the next may come when it shows what it showed at the shift.
        clock = _shift_at(zone, clock) + _offsets(zone, clock)[0] - _TICK
    local = _next_on_clock(iterator, clock)
    if local is None:
        return None
    first, second = _offsets(zone, local)
    instant = _shift_at(zone, local) if first < second else local - first
    return instant.replace(tzinfo=UTC)


def _next_elapsed(iterator: croniter, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next firing of an expression for any hour: each instant at which the clock shows a time that it names."""
    start = after.replace(tzinfo=None)
    clock = start + _offset(zone, start)
    following_day = start + timedelta(days=1)
    if _offset(zone, start) != _offset(zone, following_day):
        # Only a shift so near can bring back a local time that is behind `clock` already.
        shift = _shift_between(zone, start, following_day)
        local = _next_on_clock(iterator, clock)
        if local is None or local - _offset(zone, start) < shift:
            return None if local is None else (local - _offset(zone, start)).replace(tzinfo=UTC)
        start, clock = shift - _TICK, shift + _offset(zone, shift) - _TICK
    while (local := _next_on_clock(iterator, clock)) is not None:
        first, second = _offsets(zone, local)
        if first < second:
            # A shift skips it: go on with what the clock shows then.
            clock = _shift_at(zone, local) + second - _TICK
            continue
        instant = local - first if local - first > start else local - second
        return instant.replace(tzinfo=UTC)
    return None


def _hour_field(expression: str) -> str:
    if expression in _ALIASES:
        return "*" if expression == "@hourly" else "0"
    parts = expression.split()
    return parts[2] if len(parts) == 6 else parts[1] if len(parts) == 5 else ""


def _next_on_clock(iterator: croniter, clock: datetime) -> datetime | None:
    """The first match strictly after the naive `clock`, on a clock without shifts."""
    # Firings are on whole seconds, and croniter's floats do not keep microseconds in far years.
    iterator.set_current(clock.replace(microsecond=0, tzinfo=UTC), force=True)
    try:
        following: datetime = iterator.get_next(datetime)
    except (ValueError, OverflowError):  # Nothing within the horizon, or not before the calendar's end.
        return None
    return following.replace(tzinfo=None) if following.year < _LAST_YEAR else None


def _iterator(expression: str) -> croniter:
    if len(expression) > _MAX_CHARACTERS:
        message = f"a cron expression has at most {_MAX_CHARACTERS} characters, not {len(expression):,}"
        raise CronError(message)
    if expression.startswith("@") and expression not in _ALIASES:
        message = f"unknown shorthand {expression!r}; use one of {', '.join(_ALIASES)}"
        raise CronError(message)
    if not expression.startswith("@") and len(expression.split()) not in (5, 6):
        message = "a cron expression has 5 fields (minute hour day month weekday), or 6 with seconds first"
        raise CronError(message)
    if re.search(r"\b[Rr]\b|[Rr]\(|\b[Hh]\b|[Hh]\(", expression):
        message = "random (R) and hashed (H) fields are not supported; write the times themselves"
        raise CronError(message)
    try:
        return croniter(
            expression,
            datetime(2000, 1, 1, tzinfo=UTC),
            second_at_beginning=True,
            max_years_between_matches=_HORIZON_YEARS,
        )
    except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        message = f"{expression!r} is no cron expression ({error}); write for example '*/5 * * * *'"
        raise CronError(message) from None


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    """How far the zone's clock is ahead of UTC at the naive `instant` in UTC."""
    return instant.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def _offsets(zone: ZoneInfo, local: datetime) -> tuple[timedelta, timedelta]:
    """How far the clock that shows `local` is ahead of UTC, by the time before and the time after a shift around it.

    Equal where no shift is; the first is less where a shift skips `local`, and more where one repeats it (PEP 495).
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first, second


def _shift_at(zone: ZoneInfo, local: datetime) -> datetime:
    """The instant of the shift that skips or repeats `local`."""
    offsets = _offsets(zone, local)
    return _shift_between(zone, local - max(offsets), local - min(offsets))


def _shift_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant after `low` whose offset is that of `high`, to the second; there is one shift between them."""
    before = _offset(zone, low)
    first, last = (micros(end.replace(tzinfo=UTC)) // SECOND for end in (low, high))
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(zone, moment(middle * SECOND)) == before:
            first = middle
        else:
            last = middle
    return moment(last * SECOND).replace(tzinfo=None)
