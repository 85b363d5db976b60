"""Dates as days of a zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from task_server.domain.clock import SECOND, iso
from task_server.domain.days import read_time


@pytest.mark.parametrize(
    ("day", "zone", "begin", "hours"),
    [
        ("2026-01-31", "UTC", "2026-01-31T00:00:00Z", 24),
        ("2026-01-31", "Asia/Shanghai", "2026-01-30T16:00:00Z", 24),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z", 23),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z", 25),
        # Here midnight itself is skipped, or comes twice.
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z", 23),
        ("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z", 24),
        # A day that the zone never had.
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z", 0),
        ("9999-12-31", "America/New_York", "9999-12-31T05:00:00Z", 24),
    ],
)
def test_a_day_has_the_hours_that_its_zone_gives_it(day: str, zone: str, begin: str, hours: int) -> None:
    first, last = (read_time(day, ZoneInfo(zone), is_end=is_end) for is_end in (False, True))
    assert iso(first) == begin
    assert last - first == hours * 3600 * SECOND


def test_a_time_has_its_own_offset() -> None:
    assert iso(read_time("2026-01-31T08:00:00+08:00", ZoneInfo("Europe/Berlin"))) == "2026-01-31T00:00:00Z"
