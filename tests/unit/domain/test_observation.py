"""Observations of foreign runs: whatever order they come in, what is known at last is the same, and nothing goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_manager.v1 import execution_pb2
from task_server.domain.clock import SECOND
from task_server.domain.execution import Execution
from task_server.domain.observation import Observation, Source, describes, observed
from task_server.domain.owner import Owner
from task_server.domain.registration import MAX_METADATA_BYTES, Registration
from task_server.domain.status import ExecutionStatus, FailureReason

PENDING, STARTED, SUCCESS = ExecutionStatus.PENDING, ExecutionStatus.STARTED, ExecutionStatus.SUCCESS
FAILURE, RETRY, REVOKED = ExecutionStatus.FAILURE, ExecutionStatus.RETRY, ExecutionStatus.REVOKED
NOW = 1_000_000 * SECOND
REGISTERED = Registration(task_id="c-1", task_name="shop.mail", module="shop", owner=Owner("ann", "Ann"))
FINAL = [SUCCESS, FAILURE, REVOKED]


def run(**changes) -> Execution:
    return replace(REGISTERED.execution(NOW - 500 * SECOND), **changes)


def seen(status: ExecutionStatus, **fields) -> Observation:
    return Observation(status=status, **{"source": Source.REPORT} | fields)


def after(execution: Execution, *observations: Observation) -> Execution:
    for each in observations:
        execution = observed(execution, each, NOW) or execution
    return execution


@st.composite
def lives(draw: st.DrawFn) -> list[Observation]:
    """All that can be truly seen of a run, in the order in which it happened; each worker's clock is its own."""
    tries = draw(st.integers(1, 4))
    life = []

    def happened(status: ExecutionStatus, number: int, **fields) -> None:
        retries = draw(st.sampled_from([number, None])) if status.is_terminal else number
        skew = draw(st.integers(-50, 50))
        source = draw(st.sampled_from([Source.EVENT, Source.REPORT]))
        at = NOW + (len(life) - 300 + skew) * SECOND
        life.append(seen(status, retries=retries, occurred_at=at, source=source, worker=f"w{number}", **fields))

    for number in range(tries):
        happened(PENDING, number)
        happened(STARTED, number)
        if number < tries - 1:
            happened(RETRY, number, error="not yet")
    end = draw(st.sampled_from(FINAL))
    happened(end, tries - 1, error="" if end is SUCCESS else "broken")
    return life


@given(lives(), st.data())
def test_late_twice_and_in_any_order_it_comes_to_the_same(life: list[Observation], data: st.DataObject) -> None:
    told = [*data.draw(st.lists(st.sampled_from(life[:-1]), max_size=12)), life[-1]]
    in_time = [each for each in life if each in told]
    begun = run()
    expected = after(begun, *in_time)
    came = after(begun, *data.draw(st.permutations(told)))
    assert replace(came, revision=0) == replace(expected, revision=0)
    assert came.status is life[-1].status
    assert after(came, *life) == after(came, *life, *life)


@given(
    st.lists(
        st.builds(
            seen,
            st.sampled_from(ExecutionStatus),
            retries=st.none() | st.integers(0, 3),
            occurred_at=st.none() | st.integers(-NOW, 2 * NOW),
            source=st.sampled_from(Source),
            error=st.sampled_from(["", "broken"]),
            metadata=st.dictionaries(st.sampled_from("ab"), st.integers()),
        )
    ),
    st.sampled_from(ExecutionStatus),
)
def test_nothing_goes_back_whatever_is_told(told: list[Observation], status: ExecutionStatus) -> None:
    before = replace(REGISTERED, status=status).execution(NOW - SECOND)
    for each in told:
        known = after(before, each)
        assert known.retries >= before.retries
        assert before.status in (known.status, PENDING, STARTED, RETRY)
        if (known.status, known.retries) == (before.status, before.retries):
            assert known.error.startswith(before.error)
        if known.started_at is not None:
            assert known.due_at <= known.started_at <= (known.finished_at or NOW)
        assert (known.finished_at is not None) == known.status.is_terminal
        assert known.observed_at <= NOW
        assert known.revision == before.revision + (known != before)
        before = known


def test_a_run_that_is_tried_again_is_in_retry_until_it_starts_and_then_its_error_is_gone() -> None:
    failed = after(run(), seen(STARTED, retries=0), seen(RETRY, retries=0, error="busy"))
    assert (failed.status, failed.retries, failed.error) == (RETRY, 0, "busy")
    again = after(failed, seen(STARTED, retries=1))
    assert (again.status, again.retries, again.error) == (STARTED, 1, "")
    assert after(again, seen(RETRY, retries=0, error="busy"), seen(STARTED, retries=0)) == again


def test_its_publication_for_another_try_is_told_before_the_retry_is_and_is_one() -> None:
    published = after(run(), seen(STARTED, retries=0), seen(PENDING, retries=1))
    assert (published.status, published.retries, published.error) == (RETRY, 0, "")
    assert after(published, seen(RETRY, retries=0, error="busy")).error == "busy"


def test_who_does_not_know_of_tries_means_the_next_one_when_it_starts_after_a_retry() -> None:
    known = after(run(), seen(STARTED), seen(RETRY), seen(STARTED), seen(STARTED), seen(RETRY), seen(STARTED))
    assert (known.status, known.retries) == (STARTED, 2)


def test_what_celerys_processes_tell_of_tries_out_of_order_counts_each_try_once() -> None:
    # A worker's child publishes the next try; that the last one began and is to be tried again, its parent says later.
    first = after(run(), seen(PENDING, retries=0, occurred_at=1), seen(STARTED, occurred_at=2))
    published = after(first, seen(PENDING, retries=1, occurred_at=4), seen(PENDING, retries=1, occurred_at=6))
    assert after(published, seen(STARTED, occurred_at=3), seen(RETRY, occurred_at=5)) == published
    again = after(published, seen(STARTED, occurred_at=7), seen(RETRY, occurred_at=5, error="late"))
    assert (again.status, again.retries, again.error) == (STARTED, 1, "")
    assert after(again, seen(SUCCESS, occurred_at=9)).retries == 1


@pytest.mark.parametrize("end", FINAL)
def test_a_final_status_stays_and_what_was_not_known_of_it_is_added(end: ExecutionStatus) -> None:
    ended = after(run(), seen(end, occurred_at=NOW - 9))
    assert (ended.finished_at, ended.started_at) == (NOW - 9, None)
    for status in ExecutionStatus:
        later = after(ended, seen(status, retries=3, occurred_at=NOW - 50, metadata={"k": 1}))
        assert (later.status, later.finished_at, later.source) == (end, NOW - 9, ended.source)
        assert later.metadata == {"k": 1}
        assert later.started_at == (NOW - 50 if status is STARTED else None)
    told = after(ended, seen(end, error="broken", failure_reason=FailureReason.EXCEPTION))
    assert (told.error, told.failure_reason) == ("broken", FailureReason.EXCEPTION)


def test_the_clock_of_an_observer_may_be_wrong() -> None:
    ended = after(run(), seen(STARTED, occurred_at=NOW - 1), seen(SUCCESS, occurred_at=NOW - 100))
    assert (ended.started_at, ended.finished_at) == (NOW - 100, NOW - 100)
    ahead = after(run(), seen(STARTED, occurred_at=NOW + 100))
    assert (ahead.started_at, ahead.observed_at) == (NOW, NOW)


def test_who_sees_a_run_again_where_it_stands_tells_that_it_still_does() -> None:
    started = after(run(), seen(STARTED, occurred_at=NOW - 100))
    again = after(started, seen(STARTED, occurred_at=NOW - 5, source=Source.RESULT_BACKEND))
    assert (again.observed_at, again.source, again.started_at) == (NOW - 5, "RESULT_BACKEND", NOW - 100)
    # That it waits is what a result backend says of an id that it does not know, too.
    assert observed(run(), seen(PENDING, source=Source.RESULT_BACKEND), NOW) is None


def test_what_is_too_long_is_cut_and_metadata_that_is_too_large_is_left_out() -> None:
    long = seen(FAILURE, error="é" * 5000 + "\0", traceback="x" * 70_000 + "é\0Error: broken")
    assert after(run(), long).error == "é" * 4096
    assert len(long.kept_traceback.encode()) == 64 * 1024
    assert long.kept_traceback.endswith("éError: broken")
    full = run(metadata={"a": 1})
    known = after(full, seen(STARTED, metadata={"b": "x" * MAX_METADATA_BYTES}))
    assert (known.status, known.metadata) == (STARTED, {"a": 1})


@given(lives())
def test_an_observation_describes_the_state_that_it_led_to(life: list[Observation]) -> None:
    known = run()
    for each in life:
        before, known = known, after(known, each)
        assert describes(each, known)
        assert describes(each, before) == ((before.status, before.retries) == (known.status, known.retries))


def test_the_sources_are_those_of_the_contract() -> None:
    assert {"SOURCE_UNSPECIFIED", *Source} == set(execution_pb2.TaskExecution.Source.keys())


def test_a_run_that_was_tried_as_often_as_can_be_stored_goes_on() -> None:
    waits = after(run(), seen(RETRY, retries=2**31 - 1))
    assert after(waits, seen(STARTED)).retries == 2**31 - 1
    assert after(waits, seen(STARTED), seen(SUCCESS)).status is SUCCESS
