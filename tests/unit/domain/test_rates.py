"""Token buckets: against the plain model of one, by a clock in the test's hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_in_at_once_and_then_one_in_each_interval() -> None:
    clock = Clock()
    rates = Rates(rate=4, burst=3, clock=clock)
    for _ in range(3):
        assert rates.wait("ann") == 0
        rates.take("ann")
    assert rates.wait("ann") == pytest.approx(0.25)
    assert rates.wait("bob") == 0
    clock.now += 0.25
    assert rates.wait("ann") == 0
    rates.take("ann")
    assert rates.wait("ann") == pytest.approx(0.25)


def test_no_rate_limits_nothing() -> None:
    rates = Rates(rate=0, burst=1, clock=Clock())
    for _ in range(1000):
        assert rates.wait("ann") == 0
        rates.take("ann")


def test_a_token_that_is_given_back_was_never_taken() -> None:
    rates = Rates(rate=1, burst=1, clock=Clock())
    for _ in range(10):
        assert rates.wait("ann") == 0
        rates.take("ann")
        rates.give_back("ann")


@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 3, allow_nan=False), max_size=60),
)
def test_it_lets_in_what_a_bucket_that_is_filled_drop_by_drop_would(rate: int, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(rate=rate, burst=burst, clock=clock)
    level = float(burst)
    for pause in pauses:
        clock.now += pause
        level = min(burst, level + pause * rate)
        wait = rates.wait("k")
        assert wait == pytest.approx(max(0.0, (1 - level) / rate), abs=1e-6)
        if wait == 0:
            rates.take("k")
            level -= 1


def test_however_many_come_few_are_remembered_and_the_worst_are() -> None:
    clock = Clock()
    rates = Rates(rate=1, burst=2, clock=clock, most=10)
    for _ in range(2):
        rates.take("worst")
    for number in range(1000):
        rates.take(number)
        assert len(rates._full_at) <= 10
    assert rates.wait("worst") == pytest.approx(1)
    clock.now += 100
    for number in range(20):
        rates.take(number)
    assert "worst" not in rates._full_at
