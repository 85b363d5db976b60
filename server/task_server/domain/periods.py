"""The days and hours of a time zone that times belong to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from task_server.domain.clock import Micros, micros, moment


class PeriodLength(StrEnum):
    """How long a period is, by the clock of its zone: a day may have 23 or 25 hours."""

    DAY = "DAY"
    HOUR = "HOUR"


def period_begin(time: Micros, zone: ZoneInfo, length: PeriodLength) -> Micros:
    """When the period begins that has this time in it."""
    local = moment(time).astimezone(zone)
    if length is PeriodLength.HOUR:
        return micros(local.replace(minute=0, second=0, microsecond=0))
    # Of a midnight that comes twice this is the first, and of one that is skipped the moment of the shift.
    return micros(datetime.combine(local.date(), datetime.min.time(), zone))
