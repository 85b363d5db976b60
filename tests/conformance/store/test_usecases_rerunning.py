"""Rerunning: past executions run again with their own arguments, all of them or none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.store.engine_values import SUCCESS, at_once, definition, status

from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.audit import AuditFilter
from task_server.domain.clock import NEVER, SECOND
from task_server.domain.errors import (
    ExecutionForeign,
    ExecutionNotFound,
    InvalidFields,
    QuotaExceeded,
    TaskEnded,
    TaskNotFound,
)
from task_server.domain.listing import ExecutionFilter
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.registration import Registration
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus
from task_server.store import events
from task_server.store.tables.executions import AttemptRow, ExecutionRow
from task_server.usecases import rerunning
from task_server.usecases.auditing import Auditing
from task_server.usecases.executions import Executions
from task_server.usecases.limits import Limits
from task_server.usecases.pausing import Pausing
from task_server.usecases.registering import Registering
from task_server.usecases.rerunning import Rerunning
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

CODE = CodeAction(function_code="def f(*args, **kwargs): return args", function_name="f", args=[1], kwargs={"k": "ü"})


def ended(ports, caller, running, **changes):
    """A task whose one run has succeeded."""
    view = Tasks(ports).create(caller, definition(action=CODE, **changes))
    finish(running, view.last_execution.id)
    return view


def finish(running, execution_id, outcome=SUCCESS) -> None:
    claim = running.claim(execution_id, "w1")
    assert claim.execution_id == execution_id
    assert running.finish(execution_id, claim.attempt, outcome)


def redefine(ports, caller, view, **changes):
    base = Updating(ports).read(caller, view.task.task_id, "")
    return Updating(ports).update(caller, base, "", replace(base.definition, **changes))


def arguments(ports, caller, execution_id):
    detail = Executions(ports).get(caller, execution_id, full=True).detail
    return detail.task_args, detail.task_kwargs


def rerun(ports, caller, *ids):
    use = Rerunning(ports)
    return use.rerun(caller, use.named(caller, ids)).executions


def register(ports, caller, task_id="c1"):
    return (
        Registering(ports)
        .register(caller, Registration(task_id=task_id, task_name="t", module="m", owner=caller.owner))
        .execution
    )


def count(ports) -> int:
    with ports.database.read():
        return int(ExecutionRow.select().count())


def test_a_rerun_has_the_arguments_of_its_run_and_the_code_of_today(ports, caller, running, publisher):
    view = ended(ports, caller, running)
    past = view.last_execution
    newer = replace(CODE, function_code="def f(*args, **kwargs): return 2", args=["new"], kwargs={})
    redefine(ports, caller, view, action=newer, module="m2", queue="q2")

    again = Rerunning(ports).rerun_of_task(caller, view.task.task_id, past.id)

    run = again.last_execution
    assert (run.rerun_of, run.module, run.queue, run.status) == (past.id, "m2", "q2", ExecutionStatus.PENDING)
    assert (again.task.run_count, again.task.last_execution_id, again.task.status) == (2, run.id, TaskStatus.PENDING)
    assert publisher.messages[-1] == (run.id, "q2")
    assert arguments(ports, caller, run.id) == ([1], {"k": "ü"})
    claim = running.claim(run.id, "w1")
    assert claim.action == replace(newer, args=[1], kwargs={"k": "ü"})
    assert running.finish(run.id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SUCCESS

    # A rerun of the rerun has them too; a run of its own has those of today.
    third = Rerunning(ports).rerun_of_task(caller, view.task.task_id, run.id).last_execution
    assert third.rerun_of == run.id
    assert running.claim(third.id, "w1").action.args == [1]
    assert running.claim(Tasks(ports).run(caller, view.task.task_id).last_execution.id, "w1").action == newer


def test_an_update_leaves_a_waiting_rerun_its_arguments(ports, caller, running):
    view = ended(ports, caller, running)
    run = Rerunning(ports).rerun_of_task(caller, view.task.task_id, view.last_execution.id).last_execution
    redefine(ports, caller, view, action=replace(CODE, args=[2], kwargs={}), module="m2")

    assert Executions(ports).get(caller, run.id, full=False).execution.module == "m2"
    assert arguments(ports, caller, run.id) == ([1], {"k": "ü"})
    # So does a worker that gives it back.
    claim = running.claim(run.id, "w1")
    assert running.release(run.id, claim.attempt)
    assert arguments(ports, caller, run.id) == ([1], {"k": "ü"})
    assert running.claim(run.id, "w2").action == replace(CODE, args=[1], kwargs={"k": "ü"})


def test_a_task_that_calls_a_url_now_calls_it(ports, caller, running):
    view = ended(ports, caller, running)
    call = HttpAction(url="http://example.com/")
    redefine(ports, caller, view, action=call)
    run = Rerunning(ports).rerun_of_task(caller, view.task.task_id, view.last_execution.id).last_execution
    assert running.claim(run.id, "w1").action == call


def test_what_can_not_be_repeated_by_its_task_is_refused(ports, caller, stranger, admin, running):
    view, other = ended(ports, caller, running), ended(ports, caller, running)
    theirs = ended(ports, stranger, running)
    foreign = register(ports, caller)
    task_id, use = view.task.task_id, Rerunning(ports)
    before = count(ports)

    for unseen in ("unknown", theirs.last_execution.id):
        with pytest.raises(ExecutionNotFound):
            use.rerun_of_task(caller, task_id, unseen)
    for others in (other.last_execution.id, foreign.id):
        with pytest.raises(InvalidFields, match="rerun_of: must be an execution of this task"):
            use.rerun_of_task(caller, task_id, others)
    with pytest.raises(TaskNotFound):
        use.rerun_of_task(stranger, task_id, view.last_execution.id)
    Tasks(ports).delete(caller, other.task.task_id)
    with pytest.raises(TaskNotFound):
        use.rerun_of_task(caller, other.task.task_id, other.last_execution.id)
    stopped = Tasks(ports).create(caller, definition())
    Stopping(ports).stop(caller, stopped.task.task_id)
    with pytest.raises(TaskEnded):
        use.rerun_of_task(caller, stopped.task.task_id, stopped.last_execution.id)
    assert count(ports) == before + 1

    # It is of the task's owner, whoever asks.
    again = use.rerun_of_task(admin, theirs.task.task_id, theirs.last_execution.id)
    assert again.last_execution.owner == stranger.owner


def test_many_run_again_in_their_order_and_are_told_of(ports, caller, running, publisher):
    one, two = ended(ports, caller, running), ended(ports, caller, running, queue="q2")
    second = Tasks(ports).run(caller, one.task.task_id).last_execution
    finish(running, second.id)
    ids = [second.id, two.last_execution.id, one.last_execution.id]
    with ports.database.read():
        head = events.head(ports.database)
    publisher.messages.clear()

    runs = rerun(ports, caller, *ids)

    assert [run.rerun_of for run in runs] == ids
    assert sorted(publisher.messages) == sorted((run.id, run.queue) for run in runs)
    shown = {run.id: Executions(ports).get(caller, run.id, full=True) for run in runs}
    assert [view.execution for view in shown.values()] == runs
    assert all(view.detail.task_args == [1] for view in shown.values())
    task = Tasks(ports).get(caller, one.task.task_id, full=False).task
    assert (task.run_count, task.status) == (4, TaskStatus.PENDING)
    with ports.database.read():
        told = events.after(ports.database, head, 10)
    assert {event.execution.id: event.execution.rerun_of for event in told} == {run.id: run.rerun_of for run in runs}
    # None shows the task as ended: a watch until then would end before it told all.
    assert {event.task.status for event in told} == {TaskStatus.PENDING}
    assert [event.task.run_count for event in told if event.task.task_id == task.task_id] == [3, 4]
    for run in sorted(runs, key=lambda run: run.id):
        finish(running, run.id)
    assert status(ports, caller, task.task_id) is TaskStatus.SUCCESS
    noted, _ = Auditing(ports.database).page(AuditFilter(), "", 3)
    assert {(event.resource_id, event.detail) for event in noted} == {
        (run.rerun_of, f"execution {run.id}") for run in runs
    }


def test_all_run_again_or_none(ports, caller, stranger, running):
    good, stopped, deleted = (ended(ports, caller, running) for _ in range(3))
    theirs, foreign = ended(ports, stranger, running), register(ports, caller)
    last = Tasks(ports).run(caller, stopped.task.task_id).last_execution
    Stopping(ports).stop(caller, stopped.task.task_id)
    Tasks(ports).run(caller, deleted.task.task_id)
    Tasks(ports).delete(caller, deleted.task.task_id)
    before = count(ports)

    for wrong, error in (
        ("unknown", ExecutionNotFound),
        (theirs.last_execution.id, ExecutionNotFound),
        (foreign.id, ExecutionForeign),
        (last.id, TaskEnded),
        (deleted.last_execution.id, TaskEnded),
    ):
        with pytest.raises(error):
            rerun(ports, caller, good.last_execution.id, wrong)
    assert count(ports) == before


def test_what_is_stopped_or_removed_after_the_look_keeps_all_from_running(ports, caller, running):
    use = Rerunning(ports)
    good, other = ended(ports, caller, running), ended(ports, caller, running)
    Tasks(ports).run(caller, other.task.task_id)
    past = use.named(caller, [good.last_execution.id, other.last_execution.id])
    before = count(ports)

    with ports.database.write():
        AttemptRow.delete().where(AttemptRow.execution_id == other.last_execution.id).execute()
        ExecutionRow.delete().where(ExecutionRow.id == other.last_execution.id).execute()
    with pytest.raises(ExecutionNotFound):
        use.rerun(caller, past)
    Stopping(ports).stop(caller, other.task.task_id)
    with pytest.raises(TaskEnded):
        use.rerun(caller, past)
    assert count(ports) == before - 1


def test_reruns_are_counted_against_the_quotas_of_their_owner(ports, caller, admin, stranger, running):
    mine = [ended(ports, caller, running).last_execution.id for _ in range(3)]
    theirs = ended(ports, stranger, running).last_execution.id
    few = replace(ports, limits=Limits(quotas=Quotas(Quota(queued=2))))
    before = count(ports)

    for ask in (Rerunning(few).named, lambda who, ids: rerun(few, who, *ids)):
        with pytest.raises(QuotaExceeded) as refused:
            ask(admin, [*mine, theirs])
        assert refused.value.metadata["quota"] == "queued"
    assert count(ports) == before
    assert len(rerun(few, admin, *mine[:2], theirs)) == 3

    # Arguments are kept again: three bytes of quota do not take them.
    small = replace(ports, limits=Limits(quotas=Quotas(Quota(result_bytes=1))))
    with pytest.raises(QuotaExceeded) as refused:
        rerun(small, caller, mine[2])
    assert refused.value.metadata["quota"] == "result_bytes"
    with pytest.raises(QuotaExceeded):
        Rerunning(small).rerun_of_task(
            caller, Executions(ports).get(caller, mine[2], full=False).execution.parent_task, mine[2]
        )


def test_a_rerun_asks_neither_overlap_nor_pause_and_keeps_the_limits(ports, caller, running):
    view = ended(
        ports,
        caller,
        running,
        concurrency_key="k",
        max_concurrent=1,
        deadline_seconds=60,
        schedule=Schedule(overlap_policy=OverlapPolicy.SKIP_NEW),
    )
    blocker = Tasks(ports).run(caller, view.task.task_id).last_execution
    assert running.claim(blocker.id, "w1").execution_id == blocker.id

    (run,) = rerun(ports, caller, view.last_execution.id)

    assert (run.held, run.deadline_at) == (False, run.due_at + 60 * SECOND)
    assert running.claim(run.id, "w2") is None
    assert Executions(ports).get(caller, run.id, full=False).execution.waits_for
    running.finish(blocker.id, 1, SUCCESS)
    finish(running, run.id)


def test_a_paused_task_runs_again_all_the_same(ports, caller, running):
    cron = Tasks(ports).create(caller, definition(action=CODE, schedule=Schedule(cron_expression="0 0 1 1 *")))
    first = Tasks(ports).run(caller, cron.task.task_id).last_execution
    finish(running, first.id)
    Pausing(ports).pause(caller, cron.task.task_id)
    (run,) = rerun(ports, caller, first.id)
    assert run.scheduled_for is None
    assert status(ports, caller, cron.task.task_id) is TaskStatus.PAUSED
    finish(running, run.id)
    assert status(ports, caller, cron.task.task_id) is TaskStatus.PAUSED


def test_a_run_that_has_not_ended_may_be_run_a_second_time(ports, caller, running):
    view = Tasks(ports).create(caller, definition(action=CODE))
    assert running.claim(view.last_execution.id, "w1").execution_id == view.last_execution.id
    (run,) = rerun(ports, caller, view.last_execution.id)
    assert status(ports, caller, view.task.task_id) is TaskStatus.STARTED
    finish(running, run.id)
    assert status(ports, caller, view.task.task_id) is TaskStatus.STARTED


def test_a_process_that_dies_after_the_commit_leaves_the_rest_to_the_scheduler(ports, caller, running):
    view = ended(ports, caller, running)
    (run,) = rerun(
        replace(ports, publisher=type("Dead", (), {"publish": lambda *_: None})()), caller, view.last_execution.id
    )
    with ports.database.read():
        after = ExecutionRow.get_by_id(run.id).publish_after
    assert run.due_at < after < NEVER


def test_those_who_run_the_same_again_at_once_do_not_wait_for_each_other_for_ever(ports, caller, running):
    views = [ended(ports, caller, running) for _ in range(6)]
    ids = [view.last_execution.id for view in views]
    orders = iter([ids, ids[::-1], ids[3:] + ids[:3]])

    made = at_once(ports.database, 3, lambda: rerun(ports, caller, *next(orders)))

    assert [len(runs) for runs in made] == [6, 6, 6]
    assert count(ports) == 24
    assert {Tasks(ports).get(caller, view.task.task_id, full=False).task.run_count for view in views} == {4}


def again(ports, caller, **fields):
    use = Rerunning(ports)
    return use.rerun(caller, use.matching(ExecutionFilter(owner_id=caller.owner.id, **fields))).executions


def test_by_filter_what_has_ended_and_can_run_again_does(ports, caller, stranger, running):
    views = [ended(ports, caller, running, module="m") for _ in range(5)]
    stopped, deleted, unfinished, good, twice = views
    failed = Tasks(ports).run(caller, twice.task.task_id).last_execution
    finish(
        running,
        failed.id,
        replace(SUCCESS, status=ExecutionStatus.FAILURE, error="e", failure_reason=FailureReason.EXCEPTION),
    )
    for view in (stopped, deleted, unfinished):
        Tasks(ports).run(caller, view.task.task_id)
    Stopping(ports).stop(caller, stopped.task.task_id)
    Tasks(ports).delete(caller, deleted.task.task_id)
    others = ended(ports, caller, running, module="other"), ended(ports, stranger, running, module="m")
    foreign = register(ports, caller)
    assert foreign.module == "m"

    runs = again(ports, caller, module="m")

    ids = [view.last_execution.id for view in (unfinished, good, twice)] + [failed.id]
    assert [run.rerun_of for run in runs] == sorted(ids)
    # What waits now is not run a second time; what ended is.
    assert {run.rerun_of for run in again(ports, caller, module="m")} == set(ids)
    assert [run.rerun_of for run in again(ports, caller, module="m", status=ExecutionStatus.FAILURE)] == [failed.id]
    assert again(ports, caller, module="m", status=ExecutionStatus.PENDING) == []
    assert again(ports, caller, module="none") == []
    assert len(Rerunning(ports).matching(ExecutionFilter(module="m"))) == len(ids) + 1
    assert others[1].last_execution.id in {each.id for each in Rerunning(ports).matching(ExecutionFilter())}


def test_a_filter_that_means_too_many_is_refused_with_their_number(ports, caller, running, monkeypatch):
    views = [ended(ports, caller, running) for _ in range(5)]
    before = count(ports)
    monkeypatch.setattr(rerunning, "MAX_RERUNS", 4)
    with pytest.raises(InvalidFields, match="filter: means 5 executions; narrow it to at most 4"):
        again(ports, caller)
    monkeypatch.setattr(rerunning, "_MOST_COUNTED", 5)
    with pytest.raises(InvalidFields, match="filter: means 5 or more executions"):
        again(ports, caller)
    assert count(ports) == before
    monkeypatch.setattr(rerunning, "MAX_RERUNS", 5)
    assert len(again(ports, caller)) == len(views)


def test_a_filter_that_means_more_than_the_quota_is_refused_when_it_is_counted(ports, caller, running):
    for _ in range(3):
        ended(ports, caller, running)
    few = replace(ports, limits=Limits(quotas=Quotas(Quota(queued=2))))
    with pytest.raises(QuotaExceeded):
        Rerunning(few).matching(ExecutionFilter())
