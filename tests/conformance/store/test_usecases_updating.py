"""Updating: a new definition takes effect at once and as a whole; what waits takes it over, what runs goes on as it began."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.conformance.store.engine_updates import CRON, FAILED, NEW, update
from tests.conformance.store.engine_values import SUCCESS, come_due, definition

from task_server.domain.actions import ActionKind, HttpAction
from task_server.domain.clock import SECOND
from task_server.domain.errors import EtagMismatch, TaskEnded, TaskNotFound
from task_server.domain.listing import TaskFilter
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus
from task_server.store import executions
from task_server.usecases.executions import Executions
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating
from task_server.usecases.watching import Watching


def test_what_waits_takes_over_the_new_definition(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    publisher.messages.clear()

    after = update(
        ports,
        caller,
        view.task.task_id,
        name="new",
        module="billing",
        queue="other",
        action=NEW,
        metadata={"k": [1]},
        deadline_seconds=60.0,
        timeout=9.0,
    )

    run = after.last_execution
    assert (run.task_name, run.module, run.queue, run.metadata) == ("new", "billing", "other", {"k": [1]})
    assert run.deadline_at == run.due_at + 60 * SECOND
    assert (after.detail.task_args, after.detail.task_kwargs) == (NEW.args, NEW.kwargs)
    assert after == replace(
        Tasks(ports).get(caller, view.task.task_id, full=True), waiting=None
    )  # GetTask alone says why
    assert [(message.execution_id, message.queue) for message in publisher.messages] == [(run.id, "other")]
    assert [each.task.task_id for each in page(ports, caller, name="new")] == [view.task.task_id]
    assert page(ports, caller, name="add") == []
    claim = running.claim(run.id, "w1")
    assert (claim.action, claim.timeout) == (NEW, 9.0)


def test_a_waiting_run_is_of_the_kind_that_its_task_is_told_to_be(ports, caller):
    view = Tasks(ports).create(caller, definition())
    call = HttpAction(url="https://example.org/")

    after = update(ports, caller, view.task.task_id, action=call)

    assert (view.last_execution.action_kind, after.last_execution.action_kind) == (ActionKind.CODE, ActionKind.HTTP)
    assert Tasks(ports).get(caller, view.task.task_id, full=False).last_execution == after.last_execution
    assert Running(ports, lease_seconds=30, kinds={ActionKind.HTTP}).claim(after.last_execution.id, "w1").action == call


def page(ports, caller, **fields):
    return Tasks(ports).page(TaskFilter(owner_id=caller.owner.id, **fields), "", 10, full=False).views


def test_what_runs_goes_on_as_it_began_and_is_tried_again_as_the_task_is_then(ports, caller, running):
    policy = RetryPolicy(max_retries=2, initial_backoff=0.0)
    view = Tasks(ports).create(caller, definition(retry_policy=policy))
    claim = running.claim(view.last_execution.id, "w1")

    after = update(ports, caller, view.task.task_id, action=NEW, queue="other", metadata={"k": 1})
    assert after.last_execution.status is ExecutionStatus.STARTED
    assert (after.last_execution.queue, after.last_execution.metadata) == ("default", {})
    assert after.detail.task_args == [1]

    running.finish(claim.execution_id, claim.attempt, FAILED)
    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.last_execution.status is ExecutionStatus.RETRY
    assert (stored.last_execution.queue, stored.detail.task_args) == ("other", NEW.args)
    come_due(ports, view)
    assert running.claim(claim.execution_id, "w2").action == NEW


def test_a_released_run_waits_as_the_task_is_then(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    update(ports, caller, view.task.task_id, action=NEW, queue="other")
    publisher.messages.clear()

    running.release(claim.execution_id, claim.attempt)

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert (stored.last_execution.queue, stored.detail.task_kwargs) == ("other", NEW.kwargs)
    assert [message.queue for message in publisher.messages] == ["other"]


def test_one_that_says_the_same_changes_nothing(ports, caller):
    view = Tasks(ports).create(caller, definition())
    head = Watching(ports).head()

    after = update(ports, caller, view.task.task_id, etag=str(view.task.revision), name="add")

    assert after.task == view.task
    assert Watching(ports).after(head) == []
    # To Python these are equal.
    action = replace(view.task.definition.action, args=[True])
    assert update(ports, caller, view.task.task_id, action=action).detail.task_args == [True]


def test_an_etag_that_is_not_the_present_one_is_refused(ports, caller):
    view = Tasks(ports).create(caller, definition())
    task_id, etag = view.task.task_id, str(view.task.revision)
    base = Updating(ports).read(caller, task_id, etag)
    changed = update(ports, caller, task_id, etag=etag, name="first")
    assert changed.task.revision > view.task.revision

    with pytest.raises(EtagMismatch):
        Updating(ports).read(caller, task_id, etag)
    with pytest.raises(EtagMismatch):
        Updating(ports).update(caller, base, etag, replace(base.definition, name="second"))
    assert Tasks(ports).get(caller, task_id, full=False).task == changed.task


def test_a_definition_made_from_one_that_is_gone_is_not_stored(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    base = Updating(ports).read(caller, view.task.task_id, "")
    # What the task goes through meanwhile counts for nothing; another definition does.
    running.claim(view.last_execution.id, "w1")
    assert Updating(ports).update(caller, base, "", replace(base.definition, module="m")) is not None

    assert Updating(ports).update(caller, base, "", replace(base.definition, name="n")) is None

    assert Tasks(ports).get(caller, view.task.task_id, full=False).task.definition.name == "add"


def test_of_many_updates_at_once_none_is_lost(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600)))
    errors = []

    def change(number: int) -> None:
        try:
            while True:
                base = Updating(ports).read(caller, view.task.task_id, "")
                metadata = {**base.definition.metadata, str(number): number}
                if Updating(ports).update(caller, base, "", replace(base.definition, metadata=metadata)):
                    break
        except Exception as error:
            errors.append(error)
        finally:
            ports.database.close()

    in_threads(change, range(8))

    assert errors == []
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    assert task.definition.metadata == {str(number): number for number in range(8)}
    assert task.revision == view.task.revision + 8


def in_threads(function, arguments):
    threads = [threading.Thread(target=function, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_claim_that_races_an_update_runs_the_old_or_the_new_and_no_mixture(ports, caller, running):
    seen = set()
    for _ in range(40):
        old = definition()
        view = Tasks(ports).create(caller, old)
        claims = []
        together = threading.Barrier(2)

        def act(what: str, view=view, claims=claims, together=together) -> None:
            together.wait()
            if what == "claim":
                claims.append(running.claim(view.last_execution.id, "w1"))
            else:
                update(ports, caller, view.task.task_id, action=NEW, timeout=9.0, name="new", metadata={"k": 1})
            ports.database.close()

        in_threads(act, ["claim", "update"])

        (claim,) = claims
        wanted = replace(old, action=NEW, timeout=9.0, name="new", metadata={"k": 1}) if claim.action == NEW else old
        assert (claim.action, claim.timeout) == (wanted.action, wanted.timeout)
        stored = Executions(ports).get(caller, claim.execution_id, full=True)
        assert (stored.execution.task_name, stored.execution.metadata) == (wanted.name, wanted.metadata)
        assert (stored.detail.task_args, stored.detail.task_kwargs) == (wanted.action.args, wanted.action.kwargs)
        seen.add(wanted.name)
    assert seen <= {"add", "new"}


def test_a_task_that_was_stopped_or_is_not_ones_own_is_not_updated(ports, caller, stranger, admin):
    view = Tasks(ports).create(caller, definition(schedule=CRON))
    base = Updating(ports).read(caller, view.task.task_id, "")
    with pytest.raises(TaskNotFound):
        Updating(ports).read(stranger, view.task.task_id, "")
    with pytest.raises(TaskNotFound):
        Updating(ports).update(stranger, base, "", base.definition)
    assert update(ports, admin, view.task.task_id, name="by the admin").task.owner == caller.owner

    Stopping(ports).stop(caller, view.task.task_id)
    with pytest.raises(TaskEnded):
        Updating(ports).read(caller, view.task.task_id, "")
    with pytest.raises(TaskEnded):
        Updating(ports).update(caller, base, "", base.definition)
    Tasks(ports).delete(caller, view.task.task_id)
    with pytest.raises(TaskNotFound):
        Updating(ports).read(caller, view.task.task_id, "")


def test_watchers_are_told_each_run_and_the_names_it_had(ports, caller):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(delay_seconds=3600.0)))
    extra = Tasks(ports).run(caller, view.task.task_id).last_execution
    head = Watching(ports).head()

    after = update(ports, caller, view.task.task_id, module="billing", metadata={"k": 1}).task

    events = Watching(ports).after(head)
    assert [event.execution.id for event in events] == [view.last_execution.id, extra.id]
    assert [event.former and tuple(event.former) for event in events] == [("add", ""), None]
    assert all(event.execution.metadata == {"k": 1} for event in events)
    assert [event.task.definition.module for event in events] == ["billing", "billing"]
    assert events[-1].task.revision == after.revision
    assert [event.task.revision for event in events] == sorted({event.task.revision for event in events})


def test_a_run_that_began_before_keeps_its_metadata_in_the_stream(ports, caller, running):
    view = Tasks(ports).create(caller, definition(metadata={"old": 1}))
    claim = running.claim(view.last_execution.id, "w1")
    update(ports, caller, view.task.task_id, metadata={"new": 1})
    head = Watching(ports).head()

    running.finish(claim.execution_id, claim.attempt, SUCCESS)

    (event,) = Watching(ports).after(head)
    assert (event.execution.metadata, event.task.definition.metadata) == ({"old": 1}, {"new": 1})


def test_many_waiting_runs_are_changed_in_one_go(ports, caller):
    view = Tasks(ports).create(caller, definition())
    for _ in range(60):
        Tasks(ports).run(caller, view.task.task_id)

    update(ports, caller, view.task.task_id, action=NEW)

    with ports.database.read():
        runs = executions.unfinished(view.task.task_id)
        assert len(runs) == 61
        assert all(executions.detail(run.id).task_args == NEW.args for run in runs)


def test_a_rescued_run_is_told_what_the_task_is_now(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    update(ports, caller, view.task.task_id, action=NEW)
    assert Rescuing(ports, max_lost_attempts=3).rescue() == 1

    assert Tasks(ports).get(caller, view.task.task_id, full=True).detail.task_args == NEW.args
