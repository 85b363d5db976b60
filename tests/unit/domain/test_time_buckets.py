"""Percentiles from buckets: right to 1 %, for any times, and the same from the parts as from the whole."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.clock import NEVER
from task_server.domain.time_buckets import bucket, percentiles

PERCENTS = (1, 50, 95, 99, 100)
TIMES = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, 10**9), st.integers(0, NEVER - 1)), min_size=1, max_size=60
)


@given(TIMES)
def test_each_percentile_is_within_one_percent_of_the_time_of_its_rank(times):
    found = percentiles(Counter(map(bucket, times)), PERCENTS)
    for percent, value in zip(PERCENTS, found, strict=True):
        exact = sorted(times)[-(-percent * len(times) // 100) - 1]
        assert abs(value - exact) * 100 <= exact


@given(TIMES, TIMES)
def test_the_parts_add_up_to_the_whole(some, others):
    whole = Counter(map(bucket, some + others))
    assert Counter(map(bucket, some)) + Counter(map(bucket, others)) == whole


@given(st.integers(0, NEVER - 2))
def test_longer_times_are_in_no_earlier_bucket(time):
    assert bucket(time) <= bucket(time + 1)


def test_of_nothing_all_are_zero():
    assert percentiles({}, PERCENTS) == [0] * len(PERCENTS)
