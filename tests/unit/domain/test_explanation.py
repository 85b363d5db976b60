"""Every state of a task has one cause, whatever else is the case."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.actions import ActionKind, CodeAction
from task_server.domain.clock import NEVER, SECOND
from task_server.domain.execution import Execution
from task_server.domain.explanation import Cause, Facts, explain, why_it_waits
from task_server.domain.owner import Owner
from task_server.domain.process import Process, ProcessRole
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.domain.task import Task, TaskDefinition

NOW = 1_800_000_000 * SECOND
ANN = Owner("ann", "Ann")
TIMES = st.integers(NOW - 100 * SECOND, NOW + 100 * SECOND)
WAIT_CAUSES = {
    Cause.QUEUED,
    Cause.NO_WORKER,
    Cause.CODE_REFUSED_BY_WORKERS,
    Cause.LIMITED,
    Cause.BROKER_AWAY,
    Cause.NO_SCHEDULER,
    Cause.OVERLAP_HELD,
}


def executions(statuses):
    return st.builds(
        Execution,
        id=st.just("e1"),
        task_id=st.just("e1"),
        parent_task=st.just("t1"),
        task_name=st.just("n"),
        module=st.just(""),
        owner=st.just(ANN),
        status=st.sampled_from(statuses),
        queue=st.just("default"),
        action_kind=st.sampled_from([None, *ActionKind]),
        due_at=TIMES,
        created_at=TIMES,
        held=st.booleans(),
        waits_for=st.sampled_from(["", "", "queue:default", "owner:ann", "key:3:ann:k"]),
        observed_at=st.none() | TIMES,
        started_at=st.none() | TIMES,
        finished_at=st.none() | TIMES,
        stop_requested_at=st.none() | TIMES,
        error=st.sampled_from(["", "boom", "x" * 1000]),
        failure_reason=st.none() | st.sampled_from(FailureReason),
    )


PROCESSES = st.builds(
    Process,
    name=st.just("p"),
    role=st.sampled_from(ProcessRole),
    version=st.just("1"),
    host=st.just("h"),
    pid=st.just(1),
    queues=st.sampled_from([(), ("default",), ("other",)]),
    code_refusal=st.sampled_from(["", "no seccomp"]),
)
TASKS = st.builds(
    Task,
    task_id=st.just("t1"),
    owner=st.just(ANN),
    definition=st.builds(
        TaskDefinition,
        name=st.just("n"),
        action=st.just(CodeAction(function_code="", function_name="f")),
        timeout=st.just(5.0),
        schedule=st.builds(Schedule, overlap_policy=st.sampled_from(OverlapPolicy)),
    ),
    status=st.sampled_from(TaskStatus),
    next_run_at=st.none() | TIMES,
    run_count=st.just(1),
    fire_count=st.just(0),
    last_execution_id=st.none() | st.just("e1"),
    created_at=TIMES,
    updated_at=TIMES,
    revision=st.just(1),
    stopped_at=st.none() | TIMES,
    paused_at=st.none() | TIMES,
)
FACTS = st.builds(
    Facts,
    task=TASKS,
    now=st.just(NOW),
    running=st.none() | executions([ExecutionStatus.STARTED]),
    lease_until=st.none() | TIMES,
    waiting=st.none() | executions([ExecutionStatus.PENDING, ExecutionStatus.RETRY]),
    publish_after=TIMES,
    last=st.none() | executions(list(ExecutionStatus)),
    processes=st.lists(PROCESSES, max_size=4),
    before=st.none() | st.integers(0, 1000),
    is_broker_away=st.booleans(),
    ready_at=TIMES | st.just(NEVER),
)


@given(FACTS)
def test_there_is_one_cause_which_says_something(facts):
    found = explain(facts)

    assert found.cause in Cause
    assert found.explanation.endswith((".", "…")) or facts.last or facts.waiting
    assert found.remedy
    assert len(found.explanation) < 500
    if facts.task.status is TaskStatus.PAUSED:
        assert found.cause is Cause.PAUSED
    elif facts.running is not None:
        assert found.cause in (Cause.RUNNING, Cause.STOPPING, Cause.LEASE_EXPIRED, Cause.OVERLAP_HELD)


@given(FACTS)
def test_what_is_due_and_waits_is_told_of_and_nothing_else(facts):
    found = why_it_waits(facts)
    is_due = facts.waiting is not None and facts.waiting.due_at <= NOW
    assert (found is not None) == is_due
    assert found is None or found.cause in WAIT_CAUSES


@given(FACTS)
def test_of_several_causes_the_one_comes_first_without_whose_end_the_others_change_nothing(facts):
    found = why_it_waits(facts)
    if found is None or facts.waiting.held:
        return
    workers = [process for process in facts.processes if process.serves("default")]
    capable = [worker for worker in workers if not worker.code_refusal]
    needs_code = facts.waiting.action_kind is ActionKind.CODE
    if not workers:
        assert found.cause is Cause.NO_WORKER
    elif needs_code and not capable:
        assert found.cause is Cause.CODE_REFUSED_BY_WORKERS
        assert "no seccomp" in found.explanation
    elif facts.is_broker_away:
        assert found.cause is Cause.BROKER_AWAY
    elif facts.waiting.waits_for and facts.ready_at > NOW:
        assert found.cause is Cause.LIMITED
    else:
        assert found.cause in (Cause.QUEUED, Cause.NO_SCHEDULER)
        assert why_it_waits(replace(facts, publish_after=NOW)).cause is Cause.QUEUED
