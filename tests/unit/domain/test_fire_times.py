"""Firings for people: on the zone's clock, and with what a daylight saving shift does to each."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.domain.clock import SECOND, Micros, micros, moment
from task_server.domain.cron import next_fire
from task_server.domain.fire_times import fire_time


def at(text: str) -> Micros:
    return micros(datetime.fromisoformat(text))


def shown(expression: str, zone: str, after: str, number: int) -> list[tuple[str, str]]:
    found, cursor = [], at(after)
    for _ in range(number):
        following = next_fire(expression, zone, cursor)
        assert following is not None
        told = fire_time(expression, zone, following)
        assert told.time == following
        found.append((told.local_time, told.note))
        cursor = following
    return found


MOVED = "does not exist on this day: fires at"
NOTES = [
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T03:00+01:00",
     [("2026-03-29T03:00:00+02:00", f"02:30 {MOVED} 03:00, when the clock goes forward"), ("2026-03-30T02:30:00+02:00", "")]),
    ("0,15,59 2 * * *", "Europe/Berlin", "2026-03-28T03:00+01:00",
     [("2026-03-29T03:00:00+02:00",
       "02:00 and others do not exist on this day: they fire once, at 03:00, when the clock goes forward"),
      ("2026-03-30T02:00:00+02:00", "")]),
    # What is named as it is has nothing to be said of it.
    ("0 3 * * *", "Europe/Berlin", "2026-03-28T04:00+01:00",
     [("2026-03-29T03:00:00+02:00", ""), ("2026-03-30T03:00:00+02:00", "")]),
    ("30 * * * *", "Europe/Berlin", "2026-03-29T01:00+01:00",
     [("2026-03-29T01:30:00+01:00", ""),
      ("2026-03-29T03:30:00+02:00", "02:30 does not exist on this day: the clock goes forward from 02:00 to 03:00"),
      ("2026-03-29T04:30:00+02:00", "")]),
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T03:00+02:00",
     [("2026-10-25T02:30:00+02:00", "02:30 comes twice on this day: fires the first time"), ("2026-10-26T02:30:00+01:00", "")]),
    ("30 * * * *", "Europe/Berlin", "2026-10-25T02:00+02:00",
     [("2026-10-25T02:30:00+02:00", "02:30 comes twice on this day: fires both times, this is the first"),
      ("2026-10-25T02:30:00+01:00", "02:30 comes twice on this day: fires both times, this is the second"),
      ("2026-10-25T03:30:00+01:00", "")]),
    ("30 1 * * *", "America/New_York", "2026-10-31T12:00-04:00",
     [("2026-11-01T01:30:00-04:00", "01:30 comes twice on this day: fires the first time")]),
    ("5 30 2 * * *", "America/New_York", "2026-03-07T12:00-05:00",
     [("2026-03-08T03:00:00-04:00", f"02:30:05 {MOVED} 03:00, when the clock goes forward")]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T03:00+10:30",
     [("2026-10-04T02:30:00+11:00", f"02:15 {MOVED} 02:30, when the clock goes forward")]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00+11:00",
     [("2026-04-05T01:45:00+11:00", "01:45 comes twice on this day: fires the first time")]),
    ("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00+00:00",
     [("2026-03-22T03:00:00+01:00", f"02:30 {MOVED} 03:00, when the clock goes forward")]),
    # A day that was left out.
    ("0 12 * * *", "Pacific/Apia", "2011-12-29T13:00-10:00",
     [("2011-12-31T00:00:00+14:00", "2011-12-30 12:00 does not exist: fires at 00:00, when the clock goes forward")]),
    ("0 12 * * *", "", "2026-01-01T12:00Z", [("2026-01-02T12:00:00+00:00", "")]),
    ("0 12 * * *", "Asia/Kathmandu", "2026-01-01T12:00Z", [("2026-01-02T12:00:00+05:45", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), NOTES)
def test_a_shift_is_told(expression: str, zone: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert shown(expression, zone, after, len(expected)) == expected


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Shanghai", ""]
)


@given(
    st.sampled_from(["30 2 * * *", "*/20 * * * *", "15 */2 * * *", "0 0 * * *", "45 1-2 * * 0"]),
    ZONES,
    st.integers(at("2025-01-01T00:00Z"), at("2030-01-01T00:00Z")),
)
@settings(deadline=None, max_examples=150)
def test_the_local_time_is_the_same_instant_and_a_note_stands_only_at_a_shift(
    expression: str, zone: str, after: Micros
) -> None:
    time = next_fire(expression, zone, after)
    assert time is not None
    told = fire_time(expression, zone, time)
    assert micros(datetime.fromisoformat(told.local_time)) == time
    if told.note:
        near = [
            moment(time + hours * 3600 * SECOND).astimezone(ZoneInfo(zone or "UTC")).utcoffset() for hours in (-24, 2)
        ]
        assert near[0] != near[1]


def test_offsets_of_old_times_have_no_seconds() -> None:
    # Berlin was 53 minutes and 28 seconds ahead.
    told = fire_time("0 12 * * *", "Europe/Berlin", at("1880-06-01T11:06:32Z"))
    assert told.local_time == "1880-06-01T11:59:32+00:53"
    assert datetime.fromisoformat(told.local_time) == moment(told.time)
