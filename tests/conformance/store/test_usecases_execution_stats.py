"""Statistics of executions: the same numbers that a recount of the rows, and a list of the same filter, gives."""

from __future__ import annotations

import threading
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.store.engine_values import at_once
from tests.conformance.store.rollup_recount import changes_of_rows
from tests.conformance.store.test_rollups import FILTERS, ON_ONE_DATABASE, STEPS, add, clear, live

from task_server.domain import execution_stats
from task_server.domain.clock import SECOND
from task_server.domain.filters.checking import Checker
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.filters.parser import parse
from task_server.domain.listing import ExecutionFilter
from task_server.domain.periods import PeriodLength, period_begin
from task_server.domain.status import ExecutionStatus
from task_server.domain.time_buckets import bucket, percentiles
from task_server.store import rollups
from task_server.store.rollup_cells import DAY, QUARTER, status_of
from task_server.store.tables.executions import ExecutionRow
from task_server.usecases.execution_stats import ExecutionStatistics
from task_server.usecases.executions import Executions
from task_server.usecases.folding import Folding

UTC = ZoneInfo("UTC")
ZONES = st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Kathmandu", "America/New_York"]).map(ZoneInfo)
LENGTHS = st.sampled_from(list(PeriodLength))


def condition(text: str):
    return Checker(EXECUTION_FIELDS, UTC).checked(parse(text))


def recount(wanted: ExecutionFilter, zone: ZoneInfo, length: PeriodLength) -> dict[str, object]:
    """What there is to say, row by row."""
    rows = [
        row
        for row in changes_of_rows()
        if wanted.owner_id in (None, row.owner_id)
        and wanted.module in ("", row.module)
        and wanted.task_name in ("", row.task_name)
        and wanted.status in (None, status_of(row.outcome))
        and (wanted.created_from is None or row.created_at >= wanted.created_from)
        and (wanted.created_before is None or row.created_at < wanted.created_before)
    ]
    periods: dict[int, Counter[ExecutionStatus]] = {}
    for row in rows:
        begin = period_begin(row.created_at, zone, length)
        periods.setdefault(begin, Counter())[status_of(row.outcome)] += 1
    ended = Counter(row.outcome for row in rows)
    known = ended["SUCCESS"] + ended["FAILURE"]
    return {
        "total": len(rows),
        "by_status": Counter(status_of(row.outcome) for row in rows),
        "by_module": Counter(row.module for row in rows),
        "by_task_name": Counter(row.task_name for row in rows),
        "by_user": Counter(row.owner_id for row in rows),
        "success_rate": ended["SUCCESS"] / known if known else 0.0,
        "waiting": times([row.waited for row in rows if row.waited is not None]),
        "running": times([row.ran for row in rows if row.ran is not None]),
        "periods": sorted(periods.items()),
        "truncated": False,
    }


def times(known: list[int]) -> tuple[int, ...]:
    return (*percentiles(Counter(map(bucket, known)), (50, 95, 99)), len(known))


def said(stats: execution_stats.ExecutionStats) -> dict[str, object]:
    return {
        **{name: getattr(stats, name) for name in stats.__dataclass_fields__},
        "waiting": (stats.waiting.p50, stats.waiting.p95, stats.waiting.p99, stats.waiting.count),
        "running": (stats.running.p50, stats.running.p95, stats.running.p99, stats.running.count),
        "periods": [(period.begin, period.by_status) for period in stats.periods],
    }


@ON_ONE_DATABASE
@given(STEPS, st.lists(FILTERS, min_size=3, max_size=3), ZONES, LENGTHS)
def test_they_are_those_of_the_rows_whatever_happened_to_them(ports, steps, filters, zone, length):
    clear(ports.database)
    live(ports.database, steps)
    for wanted in filters:
        stats = ExecutionStatistics(ports).count(wanted, zone, length)
        with ports.database.read():
            assert said(stats) == recount(wanted, zone, length)
        listed = Executions(ports).page(wanted, (), 1000, full=False)
        assert stats.total == listed.total == len(listed.views)
        assert stats.by_status == Counter(view.execution.status for view in listed.views)


@pytest.mark.parametrize("wanted", [ExecutionFilter(), ExecutionFilter(owner_id="ann")])
def test_a_run_that_moves_in_a_later_quarter_of_a_folded_day_is_counted_once(ports, wanted):
    with ports.database.write():
        execution_id = add(now=DAY + 2 * QUARTER)
    assert sum(Folding(ports.database).sweep()) == 1
    with ports.database.write():
        ExecutionRow.update(status="STARTED").where(ExecutionRow.id == execution_id).execute()
    with ports.database.read():
        expected = recount(wanted, UTC, PeriodLength.DAY)
    assert said(ExecutionStatistics(ports).count(wanted, UTC, PeriodLength.DAY)) == expected


def test_a_filter_expression_counts_what_the_list_has_whatever_it_asks_for(ports):
    with ports.database.write():
        for number in range(12):
            execution_id = add(name=f"n{number % 3}", status=ExecutionStatus.SUCCESS, now=number * SECOND)
            ExecutionRow.update(metadata=f'{{"n":{number}}}', started_at=number * SECOND).where(
                ExecutionRow.id == execution_id
            ).execute()
    for text, total in (("metadata.n > 3 AND task_name = n1", 3), ("task_name = n1", 4), ("NOT task_name = n1", 8)):
        wanted = ExecutionFilter(condition=condition(text))
        stats = ExecutionStatistics(ports).count(wanted, UTC, PeriodLength.DAY)
        listed = Executions(ports).page(wanted, (), 100, full=False)
        assert stats.total == listed.total == total
        assert sum(stats.by_task_name.values()) == stats.waiting.count == stats.periods[0].total == total


def test_a_list_counts_no_more_than_so_many_rows_that_no_cell_counts(ports, monkeypatch):
    monkeypatch.setattr(rollups, "_MOST_COUNTED", 5)
    wanted = ExecutionFilter(condition=condition("NOT module = other"))
    for number in range(1, 8):
        with ports.database.write():
            add()
        listed = Executions(ports).page(wanted, (), 100, full=False)
        assert (listed.total, listed.total_is_least) == (min(number, 5), number > 5)


def test_maps_keep_the_keys_with_the_most_executions_and_say_that_there_are_more(ports, monkeypatch):
    monkeypatch.setattr("task_server.usecases.execution_stats.MOST_KEYS", 3)
    with ports.database.write():
        for number in range(5):
            for _ in range(number + 1):
                add(name=f"n{number}")
    for _ in range(2):  # before and after they are folded
        stats = ExecutionStatistics(ports).count(ExecutionFilter(), UTC, PeriodLength.DAY)
        assert stats.by_task_name == {"n4": 5, "n3": 4, "n2": 3}
        assert (stats.total, stats.by_module, stats.truncated) == (15, {"m": 15}, True)
        for _ in Folding(ports.database).sweep():
            pass


def test_only_the_newest_periods_are_told(ports, monkeypatch):
    monkeypatch.setattr("task_server.usecases.execution_stats.MOST_PERIODS", 2)
    with ports.database.write():
        for day in range(4):
            add(now=day * DAY)
    stats = ExecutionStatistics(ports).count(ExecutionFilter(), UTC, PeriodLength.DAY)
    assert [period.begin for period in stats.periods] == [2 * DAY, 3 * DAY]
    assert (stats.total, stats.truncated) == (4, True)


def test_what_became_of_a_run_is_unknown_is_a_failure_that_lowers_no_rate(ports):
    with ports.database.write():
        for status in (ExecutionStatus.SUCCESS, ExecutionStatus.FAILURE, ExecutionStatus.FAILURE):
            add(status=status)
        unknown = add(status=ExecutionStatus.FAILURE)
        ExecutionRow.update(failure_reason="OUTCOME_UNKNOWN").where(ExecutionRow.id == unknown).execute()
    stats = ExecutionStatistics(ports).count(ExecutionFilter(), UTC, PeriodLength.DAY)
    assert stats.by_status == {ExecutionStatus.SUCCESS: 1, ExecutionStatus.FAILURE: 3}
    assert stats.success_rate == pytest.approx(1 / 3)
    failed = ExecutionFilter(status=ExecutionStatus.FAILURE)
    assert ExecutionStatistics(ports).count(failed, UTC, PeriodLength.DAY).total == 3


def test_while_others_write_and_fold_each_answer_is_of_one_moment(ports):
    database = ports.database
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            with database.write():
                # A moment has as many of one module as of the other.
                add(module="one", now=number * SECOND)
                add(module="two", name=f"n{number}", now=number * SECOND)
        done.set()

    def fold() -> None:
        while not done.is_set():
            for _ in Folding(database).sweep():
                pass

    def ask() -> None:
        while not done.is_set():
            stats = ExecutionStatistics(ports).count(ExecutionFilter(), UTC, PeriodLength.DAY)
            assert stats.by_module.get("one", 0) == stats.by_module.get("two", 0) == stats.total / 2
            assert sum(stats.by_status.values()) == sum(period.total for period in stats.periods) == stats.total

    roles = iter([write, fold, ask])
    at_once(database, 3, lambda: next(roles)())


@given(st.integers(0, 4_102_444_800 * SECOND), ZONES, LENGTHS)
def test_a_period_begins_no_later_than_what_is_in_it_and_at_its_own_beginning(time, zone, length):
    begin = period_begin(time, zone, length)
    assert begin <= time < begin + 26 * 3600 * SECOND
    assert period_begin(begin, zone, length) == begin
