"""Counts of executions: whatever happens to rows, and whenever changes are folded, they are those of the rows."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.store.engine_values import at_once
from tests.conformance.store.rollup_recount import difference

from task_server.domain.clock import NEVER, SECOND
from task_server.domain.listing import ExecutionFilter
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration
from task_server.domain.status import ExecutionStatus
from task_server.store import executions, rollups
from task_server.store.matching import matching
from task_server.store.rollup_cells import DAY, QUARTER
from task_server.store.rollup_spans import spans
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.rollups import ChangeRow, RollupRow
from task_server.usecases import folding
from task_server.usecases.folding import Folding

#: Some days, some of their quarters, and what is between.
TIMES = st.sampled_from([0, 1, QUARTER - 1, QUARTER, DAY - 1, DAY, DAY + QUARTER + 1, 2 * DAY, 2 * DAY + 5, 9 * DAY])
NAMES = st.sampled_from(["", "a", "b"])
OWNERS = st.sampled_from(["ann", "bob"])
STATUSES = st.sampled_from(list(ExecutionStatus))
CHANGED = st.fixed_dictionaries(
    {},
    optional={
        "status": STATUSES.map(str),
        "failure_reason": st.sampled_from([None, "EXCEPTION", "OUTCOME_UNKNOWN"]),
        "module": NAMES,
        "task_name": NAMES,
        "due_at": TIMES,
        "started_at": st.none() | TIMES,
        "finished_at": st.none() | TIMES,
        "error": st.just("no"),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), OWNERS, NAMES, NAMES, STATUSES, TIMES),
        st.tuples(st.just("change"), st.integers(0, 9), CHANGED),
        st.tuples(st.just("remove"), st.integers(0, 9)),
        st.tuples(st.just("fold"), st.integers(1, 9)),
        st.tuples(st.just("die while folding"), st.integers(1, 9)),
    ),
    max_size=25,
)
FILTERS = st.builds(
    ExecutionFilter,
    owner_id=st.none() | OWNERS,
    status=st.none() | STATUSES,
    module=NAMES,
    task_name=NAMES,
    created_from=st.none() | TIMES,
    created_before=st.none() | TIMES,
)
ON_ONE_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


class _Death(Exception):
    """The process dies."""


def add(owner_id="ann", module="m", name="n", status=ExecutionStatus.PENDING, now=0) -> str:
    registration = Registration(
        task_id=f"{owner_id}-{next(_numbers)}", task_name=name, module=module, owner=Owner(owner_id, ""), status=status
    )
    execution = registration.execution(now)
    assert executions.insert(execution, [], {}, publish_after=NEVER)
    return execution.id


_numbers = itertools.count()


def live(database, steps) -> None:
    ids: list[str] = []
    for what, *how in steps:
        try:
            with database.write():
                if what == "add":
                    ids.append(add(*how))
                elif what == "change" and ids and how[1]:
                    ExecutionRow.update(how[1]).where(ExecutionRow.id == ids[how[0] % len(ids)]).execute()
                elif what == "remove" and ids:
                    ExecutionRow.delete().where(ExecutionRow.id == ids.pop(how[0] % len(ids))).execute()
                elif what == "fold":
                    rollups.fold(database, how[0])
                elif what == "die while folding":
                    rollups.fold(database, how[0])
                    raise _Death
        except _Death:
            continue


def clear(database) -> None:
    with database.write():
        for table in (ExecutionRow, ChangeRow, RollupRow):
            table.delete().execute()


@ON_ONE_DATABASE
@given(STEPS, st.lists(FILTERS, min_size=4, max_size=4))
def test_counts_are_those_of_the_rows_whatever_happens(database, steps, filters):
    clear(database)
    live(database, steps)
    with database.read():
        assert difference() == {}
        for wanted in filters:
            assert rollups.count(wanted) == (matching(ExecutionRow.select(), wanted).count(), False)


def test_when_all_is_folded_and_all_rows_are_gone_no_cell_is_left(database):
    with database.write():
        for number in range(30):
            add(owner_id=f"o{number % 3}", name=f"n{number}", now=number * QUARTER)
    assert sum(Folding(database).sweep()) == 30
    with database.write():
        assert RollupRow.select().count() > 0
        ExecutionRow.delete().execute()
    assert sum(Folding(database).sweep()) == 30
    assert RollupRow.select().count() == ChangeRow.select().count() == 0


def test_the_room_of_folded_changes_is_given_back(database, monkeypatch):
    monkeypatch.setattr(folding, "_MOST_LEFT", 30)
    with database.write():
        for number in range(300):
            add(name=f"n{number}")
    assert sum(Folding(database).sweep()) == 300
    if not database.is_sqlite:
        # What counts read past the folded changes.
        (pages,) = database.engine.execute_sql("SELECT pg_relation_size('execution_change')").fetchone()
        assert pages == 0


def test_a_run_that_ended_before_it_was_folded_is_counted_once(database):
    with database.write():
        execution_id = add()
        for status in ("STARTED", "SUCCESS"):
            ExecutionRow.update(status=status).where(ExecutionRow.id == execution_id).execute()
        assert ChangeRow.select().count() == 5
        rollups.fold(database, 10)
        assert {cell.outcome for cell in RollupRow.select()} == {"SUCCESS"}


def test_a_heartbeat_and_what_is_not_counted_note_nothing(database):
    with database.write():
        execution_id = add()
        noted = ChangeRow.select().count()
        ExecutionRow.update(lease_until=5, error="e", result="1").where(ExecutionRow.id == execution_id).execute()
        ExecutionRow.update(status="PENDING", due_at=7).where(ExecutionRow.id == execution_id).execute()
        assert ChangeRow.select().count() == noted


def test_several_may_fold_at_once_while_others_write(database):
    stop = threading.Event()

    def fold() -> int:
        folded = 0
        while not stop.is_set():
            folded += sum(Folding(database).sweep())
        return folded

    def write() -> int:
        ids = []
        for number in range(40):
            with database.write():
                ids.append(add(owner_id=threading.current_thread().name, name=f"n{number % 5}", now=number * SECOND))
            with database.write():
                ExecutionRow.update(status="STARTED").where(ExecutionRow.id == ids[-1]).execute()
        return len(ids)

    roles = iter([fold, fold, write, write, write])
    writers = itertools.count(1)

    def work() -> int:
        role = next(roles)
        done = role()
        if role is write and next(writers) == 3:
            stop.set()
        return done

    at_once(database, 5, work)
    with database.read():
        assert difference() == {}
        assert rollups.count(ExecutionFilter(status=ExecutionStatus.STARTED)) == (120, False)


@pytest.mark.parametrize("periods", [(DAY, QUARTER), (DAY,), (QUARTER,), ()])
@given(begin=st.none() | st.integers(-3 * DAY, 3 * DAY), end=st.none() | st.integers(-3 * DAY, 3 * DAY))
def test_spans_lie_side_by_side_and_are_whole_periods(periods, begin, end):
    found = spans(begin, end, periods)
    first, last = (-NEVER if begin is None else begin), (NEVER if end is None else end)
    if first >= last:
        assert found == []
        return
    assert (found[0].begin, found[-1].end) == (first, last)
    assert all(one.end == other.begin for one, other in itertools.pairwise(found))
    for span in found:
        if span.period is None:
            assert not periods or span.end - span.begin < 2 * min(periods)
        else:
            assert all(edge % span.period == 0 for edge in span[1:] if abs(edge) != NEVER)
