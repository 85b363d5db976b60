"""Which cron times become executions, once a scheduler has noticed them: each is made, missed, or left for another turn."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.domain.clock import SECOND, Micros, micros
from task_server.domain.misfire import CATCH_UP, MOST_MISSED, due_firings
from task_server.domain.schedule import MisfirePolicy, Schedule

NOON = micros(datetime.fromisoformat("2026-06-01T12:00:00Z"))
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND


def every_minute(policy: MisfirePolicy, **fields) -> Schedule:
    return Schedule(cron_expression="* * * * *", misfire_policy=policy, **fields)


@pytest.mark.parametrize("policy", list(MisfirePolicy))
@pytest.mark.parametrize("late", [0, 1, SECOND, CATCH_UP])
def test_what_is_noticed_in_time_is_made_whatever_the_policy_is(policy: MisfirePolicy, late: Micros) -> None:
    firings = due_firings(every_minute(policy), NOON, NOON + late, 20)
    assert (firings.times, firings.missed, firings.next_fire) == ((NOON,), 0, NOON + MINUTE)


@pytest.mark.parametrize("policy", list(MisfirePolicy))
def test_each_of_the_last_ten_seconds_is_made(policy: MisfirePolicy) -> None:
    schedule = Schedule(cron_expression="* * * * * *", misfire_policy=policy)
    firings = due_firings(schedule, NOON, NOON + CATCH_UP, 20)
    assert firings.times == tuple(NOON + n * SECOND for n in range(11))
    assert (firings.missed, firings.next_fire) == (0, NOON + 11 * SECOND)


@pytest.mark.parametrize(
    ("policy", "times", "missed"),
    [
        # Noticed half a minute after 13:00, which is missed like the 60 before it.
        (MisfirePolicy.SKIP, (), 61),
        (MisfirePolicy.FIRE_ONCE, (NOON + HOUR,), 60),
        (MisfirePolicy.FIRE_ALL, tuple(NOON + n * MINUTE for n in range(1, 61)), 1),
    ],
)
def test_of_an_outage_the_policy_says_what_is_made(
    policy: MisfirePolicy, times: tuple[Micros, ...], missed: int
) -> None:
    firings = due_firings(every_minute(policy), NOON, NOON + HOUR + 30 * SECOND, 100)
    assert (firings.times, firings.missed, firings.next_fire) == (times, missed, NOON + HOUR + MINUTE)


def test_all_within_the_window_are_made_and_older_ones_missed() -> None:
    schedule = every_minute(MisfirePolicy.FIRE_ALL, misfire_window_seconds=150)
    firings = due_firings(schedule, NOON, NOON + HOUR, 100)
    assert firings.times == tuple(NOON + n * MINUTE for n in (58, 59, 60))
    assert firings.missed == 58
    # No window is so short that it leaves out what is in time.
    shortest = every_minute(MisfirePolicy.FIRE_ALL, misfire_window_seconds=0.001)
    assert due_firings(shortest, NOON, NOON + 9 * SECOND, 100).times == (NOON,)


def test_a_backlog_is_left_for_other_turns() -> None:
    schedule = every_minute(MisfirePolicy.FIRE_ALL)
    firings = due_firings(schedule, NOON, NOON + HOUR, 20)
    assert firings.times == tuple(NOON + n * MINUTE for n in range(20))
    assert (firings.missed, firings.next_fire) == (0, NOON + 20 * MINUTE)


@pytest.mark.parametrize(("policy", "made"), [(MisfirePolicy.SKIP, 0), (MisfirePolicy.FIRE_ONCE, 1)])
def test_of_one_outage_only_so_many_are_counted(policy: MisfirePolicy, made: int) -> None:
    schedule = Schedule(cron_expression="* * * * * *", misfire_policy=policy)
    firings = due_firings(schedule, NOON, NOON + 30 * DAY, 5)
    assert firings.missed == MOST_MISSED - made


def test_a_schedule_that_ended_meanwhile_has_no_next() -> None:
    schedule = every_minute(MisfirePolicy.SKIP, end_at=NOON + 3 * MINUTE)
    firings = due_firings(schedule, NOON, NOON + DAY, 20)
    assert (firings.times, firings.missed, firings.next_fire) == ((), 4, None)


@given(
    policy=st.sampled_from(list(MisfirePolicy)),
    expression=st.sampled_from(["* * * * *", "*/10 * * * * *", "7,8,9 * * * *", "0 12 * * *"]),
    window=st.integers(1, 7200),
    outages=st.lists(st.integers(0, 9000), min_size=1, max_size=6),
    most=st.integers(1, 30),
)
@settings(deadline=None, max_examples=100)
def test_over_any_turns_every_time_is_made_or_missed_once(
    policy: MisfirePolicy, expression: str, window: int, outages: list[int], most: int
) -> None:
    schedule = Schedule(cron_expression=expression, misfire_policy=policy, misfire_window_seconds=window)
    first = schedule.next_fire(NOON, 0)
    assert first is not None
    now, following, made, missed = first, first, [], 0
    for outage in outages:
        now += outage * SECOND
        while following <= now:
            firings = due_firings(schedule, following, now, most)
            assert len(firings.times) <= most + 1
            assert all(following <= time <= now for time in firings.times)
            made += firings.times
            missed += firings.missed
            assert firings.next_fire is not None and firings.next_fire > following
            following = firings.next_fire
    assert made == sorted(set(made))
    assert len(made) + missed == 1 + schedule.count(first, following - 1, 10**9)
