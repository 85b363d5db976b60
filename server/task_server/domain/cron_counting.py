"""How many firings lie between two instants, without looking at each: an outage of a day misses 86,400 firings of a busy task."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta

from task_server.domain import cron
from task_server.domain.clock import Micros, micros, moment
from task_server.domain.clock_pattern import ClockPattern, pattern
from task_server.domain.zone_shifts import offset, shift_between

_TICK = timedelta(seconds=1)
_DAY = timedelta(days=1)


def count(expression: str, time_zone: str, after: Micros, until: Micros, most: int) -> int:
    """How many firings come after `after` and not after `until`; `most` if there are more.

    Raises CronError when the expression or the zone is malformed.
    """
    zone, named = cron.parse_zone(time_zone), pattern(expression)
    start, end = (moment(each).replace(tzinfo=None) for each in (after, until))
    # A local time that comes twice is no match the second time, unless elapsed time is counted.
    start, found = _around_shift(expression, time_zone, start - _DAY, start, end)
    while start < end and found < most:
        stop = min(start + _DAY, end)
        ahead = offset(zone, start)
        if ahead == offset(zone, stop):
            more = _count_on_clock(named, start + ahead, stop + ahead)
            if not more:
                following = cron.next_fire(expression, time_zone, _instant(stop))
                if following is None or following > until:
                    break
                stop = moment(following).replace(tzinfo=None) - _TICK
            found += more
        else:
            shift = shift_between(zone, start, stop)
            before = max(start, shift - _TICK)
            found += _count_on_clock(named, start + ahead, before + ahead)
            stop, more = _around_shift(expression, time_zone, start, before, end)
            found += more
        start = stop
    return min(found, most)


def _around_shift(
    expression: str, time_zone: str, low: datetime, start: datetime, end: datetime
) -> tuple[datetime, int]:
    """Until when a shift after `low` still has its say at `start`, at most `end`, and the firings from `start` to there."""
    zone, named = cron.parse_zone(time_zone), pattern(expression)
    ahead = offset(zone, low)
    high = max(start, low + _DAY)
    if ahead == offset(zone, high):
        return start, 0
    shift = shift_between(zone, low, high)
    width = timedelta() if named.is_elapsed else abs(offset(zone, shift) - ahead)
    stop = min(shift + width, end)
    found, cursor = 0, _instant(start)
    while (following := cron.next_fire(expression, time_zone, cursor)) is not None and following <= _instant(stop):
        found, cursor = found + 1, following
    return max(start, stop), found


def _count_on_clock(named: ClockPattern, low: datetime, high: datetime) -> int:
    """The matches after `low` and not after `high`, on a clock without shifts."""
    per_day = 1
    for part in named.times:
        per_day *= len(part)
    found, day = 0, low.date()
    while day <= high.date():
        if named.has_day(day):
            found += _until(named, high) if day == high.date() else per_day
            found -= _until(named, low) if day == low.date() else 0
        day += _DAY
    return found


def _until(named: ClockPattern, clock: datetime) -> int:
    """The matches of a day that matches, up to `clock` and at it."""
    hours, minutes, seconds = named.times
    found = bisect_left(hours, clock.hour) * len(minutes) * len(seconds)
    if clock.hour in hours:
        found += bisect_left(minutes, clock.minute) * len(seconds)
        if clock.minute in minutes:
            found += bisect_right(seconds, clock.second)
    return found


def _instant(naive: datetime) -> Micros:
    return micros(naive.replace(tzinfo=UTC))
