"""Cron firings as a person reads them: on the zone's clock, and with what a daylight saving shift does to each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from task_server.domain import cron
from task_server.domain.clock import Micros, moment
from task_server.domain.clock_pattern import ClockPattern, pattern
from task_server.domain.zone_shifts import offset, offsets, shift_between

_TICK = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTime:
    """One firing."""

    time: Micros
    #: The same on the zone's clock, RFC 3339 with offset.
    local_time: str
    #: What a shift does to it, empty for nothing.
    note: str


def fire_time(expression: str, time_zone: str, time: Micros) -> FireTime:
    """A firing of an expression. Raises CronError when the expression or the zone is malformed."""
    zone = cron.parse_zone(time_zone)
    aware = moment(time).astimezone(zone)
    ahead = aware.utcoffset() or timedelta()
    # RFC 3339 has no seconds in an offset, as zones had before they were zones.
    shown = aware.astimezone(timezone(timedelta(minutes=ahead // timedelta(minutes=1))))
    note = _moved(pattern(expression), zone, moment(time).replace(tzinfo=None)) or _repeated(pattern(expression), aware)
    return FireTime(time=time, local_time=shown.isoformat(timespec="seconds"), note=note)


def _moved(named: ClockPattern, zone: ZoneInfo, instant: datetime) -> str:
    """What to say of the first firing after a shift that skips a local time of the expression."""
    day_before = instant - _DAY
    if offset(zone, day_before) >= offset(zone, instant):
        return ""
    shift = shift_between(zone, day_before, instant)
    clock_before, clock_after = shift + offset(zone, day_before), shift + offset(zone, instant)
    local = instant + offset(zone, instant)
    skipped = named.following(clock_before - _TICK)
    if skipped is None or skipped >= clock_after:
        return ""
    if not named.is_elapsed:
        if instant != shift:
            return ""
        others = (another := named.following(skipped)) is not None and another < clock_after
        fires = "they fire once, at" if others else "fires at"
        return f"{_absent(skipped, local, others=others)}: {fires} {_time(local)}, when the clock goes forward"
    if named.following(clock_after - _TICK) != local:
        return ""
    forward = f"the clock goes forward from {_time(clock_before)} to {_time(clock_after)}"
    return f"{_absent(skipped, local, others=False)}: {forward}"


def _repeated(named: ClockPattern, aware: datetime) -> str:
    """What to say of a firing at a local time that comes twice."""
    zone, local = aware.tzinfo, aware.replace(tzinfo=None, fold=0)
    assert isinstance(zone, ZoneInfo)  # noqa: S101 - `fire_time` gives it
    first, second = offsets(zone, local)
    if first <= second:
        return ""
    if not named.is_elapsed:
        return f"{_time(local)} comes twice on this day: fires the first time"
    return (
        f"{_time(local)} comes twice on this day: fires both times, this is the {'second' if aware.fold else 'first'}"
    )


def _absent(skipped: datetime, local: datetime, *, others: bool) -> str:
    same_day = skipped.date() == local.date()
    which = _time(skipped) if same_day else f"{skipped.date()} {_time(skipped)}"
    return f"{which} {'and others do' if others else 'does'} not exist{' on this day' if same_day else ''}"


def _time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
