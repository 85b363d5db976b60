"""When a cron expression fires, in a time zone, across daylight saving shifts.

croniter counts on a clock without a zone; this file lays that clock over the zone:

- A fixed local time that a shift skips (02:30 in spring) fires once, at the instant of the shift.
- A fixed local time that a shift repeats (02:30 in autumn) fires once, at its first occurrence.
- An expression whose hour is `*` or `*/n` counts elapsed time: it goes on through both shifts without a gap or a double.

These are the rules of Vixie cron and its successors ("DST" in crontab(5) and cron(8)).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from task_server.domain.clock import SECOND, Micros, micros, moment

#: How far ahead the next firing is looked for. 29 February on a given weekday comes within 40 years.
_HORIZON_YEARS = 50
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
    """Return the first firing strictly after `after`, or None when there is none within 50 years.

    Raises CronError when the expression or the zone is malformed.
    """
    zone = parse_zone(time_zone)
    counts_elapsed_time = _hour_field(expression).startswith("*")
    cursor = moment(after)
    offset = _offset(zone, cursor)
    while True:
        local = _next_on_clock(expression, (cursor + offset).replace(tzinfo=None))
        if local is None:
            return None
        candidate = local.replace(tzinfo=UTC) - offset
        if _offset(zone, candidate) == offset:
            if counts_elapsed_time or not _is_repeat(zone, candidate):
                return micros(candidate)
            cursor = candidate
            continue
        shift = _shift_between(zone, cursor, candidate)
        new_offset = _offset(zone, shift)
        skipped_until = shift + new_offset
        if not counts_elapsed_time and local.replace(tzinfo=UTC) < skipped_until and shift > moment(after):
            return micros(shift)
        # Go on from just before the shift, on the clock as it is after it.
        cursor, offset = shift - _TICK, new_offset


def upcoming(expression: str, time_zone: str, after: Micros, count: int) -> list[Micros]:
    """Return the next `count` firings after `after`; fewer when there are no more."""
    times: list[Micros] = []
    while len(times) < count:
        following = next_fire(expression, time_zone, times[-1] if times else after)
        if following is None:
            break
        times.append(following)
    return times


def _hour_field(expression: str) -> str:
    if expression in _ALIASES:
        return "*" if expression == "@hourly" else "0"
    parts = expression.split()
    return parts[2] if len(parts) == 6 else parts[1] if len(parts) == 5 else ""


def _next_on_clock(expression: str, after: datetime) -> datetime | None:
    """The first match strictly after the naive `after`, on a clock without shifts."""
    iterator = _iterator(expression)
    iterator.set_current(after.replace(tzinfo=UTC), force=True)
    try:
        following: datetime = iterator.get_next(datetime)
    except ValueError:  # CroniterBadDateError: nothing within the horizon.
        return None
    return following.replace(tzinfo=None)


def _iterator(expression: str) -> croniter:
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
    return instant.astimezone(zone).utcoffset() or timedelta()


def _is_repeat(zone: ZoneInfo, instant: datetime) -> bool:
    """Whether the local time of `instant` was there before, on the clock before a shift back."""
    return instant.astimezone(zone).fold == 1


def _shift_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant after `low` whose offset is not `low`'s any more, to the second."""
    before = _offset(zone, low)
    # Step by days first: between `low` and `high` there may be a shift and the shift back.
    step = low
    while step + timedelta(days=1) < high and _offset(zone, step + timedelta(days=1)) == before:
        step += timedelta(days=1)
    first, last = micros(step) // SECOND, min(micros(high), micros(step + timedelta(days=1))) // SECOND
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(zone, moment(middle * SECOND)) == before:
            first = middle
        else:
            last = middle
    return moment(last * SECOND)
