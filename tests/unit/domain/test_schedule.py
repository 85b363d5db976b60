"""When a task runs: what kind of task its schedule makes it, when it is due, and which firings count."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.clock import SECOND, Micros, micros, moment, seconds
from task_server.domain.schedule import Schedule, TaskType

NOW = micros(datetime.fromisoformat("2026-01-01T00:00:00Z"))
DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("schedule", "task_type"),
    [
        (Schedule(), TaskType.IMMEDIATE),
        (Schedule(delay_seconds=5), TaskType.DELAYED),
        (Schedule(delay_seconds=0), TaskType.DELAYED),
        (Schedule(run_at=NOW), TaskType.DELAYED),
        (Schedule(run_at=0), TaskType.DELAYED),
        (Schedule(cron_expression="* * * * *"), TaskType.SCHEDULED),
    ],
)
def test_the_type_follows_from_the_schedule(schedule: Schedule, task_type: TaskType) -> None:
    assert schedule.task_type is task_type


@pytest.mark.parametrize(
    ("schedule", "due_at"),
    [
        (Schedule(), NOW),
        (Schedule(delay_seconds=1.5), NOW + 1_500_000),
        (Schedule(delay_seconds=0), NOW),
        (Schedule(run_at=NOW + 7), NOW + 7),
        (Schedule(run_at=NOW - DAY), NOW),
        (Schedule(run_at=0), NOW),
    ],
)
def test_a_task_without_cron_is_due_at_its_time_but_never_before_it_was_made(
    schedule: Schedule, due_at: Micros
) -> None:
    assert schedule.due_at(NOW) == due_at


def test_a_schedule_without_cron_has_no_firings() -> None:
    assert Schedule(run_at=NOW + DAY).next_fire(NOW, 0) is None
    assert Schedule(delay_seconds=5).upcoming(NOW, 5) == []


@pytest.mark.parametrize(
    ("start_at", "first"),
    [
        (NOW - DAY, NOW + DAY),
        (NOW, NOW + DAY),
        (NOW + 3 * DAY, NOW + 3 * DAY),
        (NOW + 3 * DAY - 1, NOW + 3 * DAY),
        # Half a second too early is too early.
        (NOW + 3 * DAY + 500_000, NOW + 4 * DAY),
        (NOW + 3 * DAY + 1, NOW + 4 * DAY),
    ],
)
def test_no_firing_comes_before_start_at(start_at: Micros, first: Micros) -> None:
    assert Schedule(cron_expression="0 0 * * *", start_at=start_at).next_fire(NOW, 0) == first


def test_a_firing_at_end_at_counts_and_later_ones_do_not() -> None:
    schedule = Schedule(cron_expression="0 0 * * *", end_at=NOW + 2 * DAY)
    assert schedule.upcoming(NOW, 5) == [NOW + DAY, NOW + 2 * DAY]
    assert Schedule(cron_expression="0 0 * * *", end_at=NOW + 2 * DAY - 1).upcoming(NOW, 5) == [NOW + DAY]


def test_no_more_than_max_runs_firings_come() -> None:
    schedule = Schedule(cron_expression="0 0 * * *", max_runs=2)
    assert schedule.upcoming(NOW, 5) == [NOW + DAY, NOW + 2 * DAY]
    assert schedule.next_fire(NOW, 1) == NOW + DAY
    assert schedule.next_fire(NOW, 2) is None
    assert schedule.next_fire(NOW, 3) is None


def test_firings_are_read_in_the_zone() -> None:
    schedule = Schedule(cron_expression="0 8 * * *", time_zone="Asia/Shanghai")
    assert schedule.next_fire(NOW, 0) == NOW + DAY  # 08:00 there was midnight here, at NOW itself.


@given(
    st.integers(
        micros(datetime.fromisoformat("0001-01-01T00:00Z")),
        micros(datetime.fromisoformat("9999-12-31T23:59:59.999999Z")),
    )
)
def test_microseconds_and_datetimes_are_the_same_times(value: Micros) -> None:
    assert micros(moment(value)) == value


def test_seconds_are_rounded_to_the_microsecond() -> None:
    assert [seconds(value) for value in (0.0, 1.5, 0.000_000_6, 0.1 + 0.2)] == [0, 1_500_000, 1, 300_000]
