"""Whether a failed attempt is repeated, and how long that waits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.clock import SECOND, seconds
from task_server.domain.retry import (
    DEFAULT_REASONS,
    DEFAULT_STATUSES,
    MAX_RETRY_AFTER,
    NEVER_RETRIED,
    RetryPolicy,
    lost_wait,
)
from task_server.domain.status import FailureReason

COUNTS = st.integers(1, 100)
#: All that validation lets through.
POLICIES: dict[str, st.SearchStrategy[Any]] = {
    "max_retries": st.integers(0, 100),
    "initial_backoff": st.floats(5e-324, 86_400),
    "backoff_multiplier": st.floats(1, 1_000),
    "max_backoff": st.floats(5e-324, 86_400),
}


def policies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[RetryPolicy]:
    return st.builds(RetryPolicy, **POLICIES | fields)


@given(policies(jitter=st.floats(0, 1)), COUNTS)
def test_a_wait_is_never_above_the_longest_nor_shorter_than_jitter_allows(policy: RetryPolicy, count: int) -> None:
    whole = RetryPolicy(
        max_retries=policy.max_retries,
        initial_backoff=policy.initial_backoff,
        backoff_multiplier=policy.backoff_multiplier,
        max_backoff=policy.max_backoff,
    ).wait(count)
    wait = policy.wait(count)
    assert 0 <= wait <= seconds(policy.max_backoff)
    assert whole * (1 - policy.jitter) - 1 <= wait <= whole


@given(policies(), COUNTS)
def test_without_jitter_waits_grow_to_the_longest(policy: RetryPolicy, count: int) -> None:
    assert policy.wait(count) <= policy.wait(count + 1) <= seconds(policy.max_backoff)
    assert policy.wait(1) == seconds(min(policy.initial_backoff, policy.max_backoff))


@given(policies(jitter=st.floats(0, 1)), COUNTS, st.floats(0, 1e12))
def test_an_answer_is_waited_for_as_long_as_it_asks_but_a_day_at_most(
    policy: RetryPolicy, count: int, retry_after: float
) -> None:
    wait = policy.wait(count, retry_after)
    asked = seconds(min(retry_after, MAX_RETRY_AFTER))
    assert asked <= wait <= max(asked, seconds(policy.max_backoff))


def test_the_waits_of_an_example() -> None:
    policy = RetryPolicy(max_retries=9, initial_backoff=0.5, backoff_multiplier=3, max_backoff=10)
    assert [policy.wait(count) / SECOND for count in range(1, 6)] == [0.5, 1.5, 4.5, 10, 10]


def test_jitter_takes_from_a_wait_a_part_that_differs() -> None:
    policy = RetryPolicy(max_retries=1, initial_backoff=10, jitter=0.2)
    waits = {policy.wait(1) for _ in range(50)}
    assert len(waits) > 1
    assert all(8 * SECOND <= wait <= 10 * SECOND for wait in waits)


@pytest.mark.parametrize("reason", FailureReason)
def test_a_policy_without_reasons_repeats_what_may_go_better(reason: FailureReason) -> None:
    policy = RetryPolicy(max_retries=1)
    assert policy.repeats(reason, 503, 1) == (reason in DEFAULT_REASONS)


def test_what_no_policy_may_name_is_not_among_the_defaults() -> None:
    assert not DEFAULT_REASONS & NEVER_RETRIED


def test_a_policy_with_reasons_repeats_those_alone() -> None:
    policy = RetryPolicy(max_retries=1, retry_reasons=(FailureReason.MEMORY_LIMIT,))
    repeated = {reason for reason in FailureReason if policy.repeats(reason, 503, 1)}
    assert repeated == {FailureReason.MEMORY_LIMIT}


@pytest.mark.parametrize(("own", "statuses"), [((), DEFAULT_STATUSES), ((404, 500), frozenset({404, 500}))])
def test_of_statuses_those_of_the_policy_are_repeated(own: tuple[int, ...], statuses: frozenset[int]) -> None:
    policy = RetryPolicy(max_retries=1, retry_statuses=own)
    repeated = {status for status in range(100, 600) if policy.repeats(FailureReason.UNEXPECTED_STATUS, status, 1)}
    assert repeated == statuses


def test_a_status_that_nobody_knows_is_not_repeated() -> None:
    assert not RetryPolicy(max_retries=1).repeats(FailureReason.UNEXPECTED_STATUS, None, 1)


def test_retries_follow_the_first_attempt_up_to_their_number() -> None:
    policy = RetryPolicy(max_retries=2)
    assert [policy.repeats(FailureReason.EXCEPTION, None, count) for count in (1, 2, 3)] == [True, True, False]
    assert not RetryPolicy(max_retries=0).repeats(FailureReason.EXCEPTION, None, 1)


def test_lost_runs_wait_longer_each_time_up_to_a_minute() -> None:
    waits = [lost_wait(count) / SECOND for count in (1, 2, 3, 4, 5, 6, 7, 8, 1_000_000)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
