"""How many firings lie between two instants: as many as there are when each is looked for, and for much less."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from task_server.domain.clock import SECOND, Micros, micros
from task_server.domain.clock_pattern import CronError
from task_server.domain.cron import next_fire
from task_server.domain.cron_counting import count

HOUR = 3600 * SECOND
#: More than these tests ever count.
MOST = 1500


def at(text: str) -> Micros:
    return micros(datetime.fromisoformat(text))


def one_by_one(expression: str, zone: str, after: Micros, until: Micros) -> int:
    found, cursor = 0, after
    while found < MOST and (following := next_fire(expression, zone, cursor)) is not None and following <= until:
        found, cursor = found + 1, following
    return found


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    several = st.lists(value, min_size=1, max_size=4, unique=True).map(lambda values: ",".join(map(str, values)))
    return st.one_of(st.just("*"), value.map(str), st.integers(1, high).map(lambda step: f"*/{step}"), several)


FIVE = st.tuples(
    field(0, 59),
    field(0, 23),
    st.sampled_from(["*", "*", "*", "1-20", "L", "29", "15W"]),
    st.sampled_from(["*", "*", "3", "10"]),
    st.sampled_from(["*", "*", "0", "5#1"]),
).map(" ".join)
EXPRESSIONS = FIVE | st.tuples(st.sampled_from(["0", "*/20", "7,8", "30"]), FIVE).map(" ".join)
SHIFTS = st.sampled_from(
    [
        ("Europe/Berlin", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00Z"),
        ("America/New_York", "2026-03-08T07:00Z"),
        ("America/New_York", "2026-11-01T06:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
        ("Africa/Casablanca", "2026-02-15T02:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00Z"),
        ("Pacific/Kwajalein", "1969-09-30T13:00Z"),
        ("Africa/Cairo", "2026-10-29T21:00Z"),
        ("", "2026-02-15T02:00Z"),
    ]
)


@given(EXPRESSIONS, SHIFTS, st.integers(-60 * HOUR, 40 * HOUR), st.integers(0, 72 * HOUR))
@example("30 2 * * *", ("Europe/Berlin", "2026-10-25T01:00Z"), HOUR // 4, HOUR)
@settings(deadline=None, max_examples=150)
def test_it_counts_what_comes_one_by_one(
    expression: str, zone_and_shift: tuple[str, str], offset: int, length: int
) -> None:
    zone, shift = zone_and_shift
    after = at(shift) + offset
    assert count(expression, zone, after, after + length, MOST) == one_by_one(expression, zone, after, after + length)


@pytest.mark.parametrize(
    ("expression", "days", "expected"),
    [
        ("* * * * *", 1, 1440),
        ("* * * * *", 30, 10_000),
        ("* * * * * *", 30, 10_000),
        ("*/5 * * * *", 30, 8640),
        ("0 2 * * *", 365, 365),
        ("0 0 29 2 *", 365 * 8, 2),
    ],
)
def test_a_long_outage_is_counted_in_no_time(expression: str, days: int, expected: int) -> None:
    until = at("2026-11-20T12:00Z")

    def cost() -> float:
        began = time.thread_time()
        assert count(expression, "Europe/Berlin", until - days * 24 * HOUR, until, 10_000) == expected
        return time.thread_time() - began

    cost()
    assert min(cost() for _ in range(3)) < 0.1


def test_the_ends_are_as_said() -> None:
    noon = at("2026-06-01T12:00Z")
    assert count("0 12 * * *", "", noon - 1, noon, MOST) == 1
    assert count("0 12 * * *", "", noon, noon + 1, MOST) == 0
    assert count("0 12 * * *", "", noon - 1, noon - 1, MOST) == 0
    assert count("0 12 * * *", "", noon, noon - HOUR, MOST) == 0


def test_what_is_malformed_is_refused() -> None:
    with pytest.raises(CronError, match="cron expression"):
        count("* * *", "", 0, HOUR, MOST)
    with pytest.raises(CronError, match="unknown time zone"):
        count("* * * * *", "Mars/Olympus", 0, HOUR, MOST)
