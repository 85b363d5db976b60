"""What a worker may do with a run: claim it once, keep it, finish it or give it back; and what happens when it vanishes."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.store.engine_values import REVOKED, SUCCESS, at_once, definition, status

from task_server.dispatch.publisher import Message
from task_server.domain.actions import ActionKind, HttpAction
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason, TaskStatus
from task_server.usecases.executions import Executions
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks


def test_a_claim_is_given_once(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    first = running.claim(view.last_execution.id, "w1")
    second = running.claim(view.last_execution.id, "w2")

    assert first.attempt == 1
    assert first.action == definition().action
    assert second is None
    assert status(ports, caller, view.task.task_id) is TaskStatus.STARTED


def test_of_many_claimers_at_once_one_wins(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claims = at_once(ports.database, 8, lambda: running.claim(view.last_execution.id, threading.current_thread().name))
    assert sum(claim is not None for claim in claims) == 1


@pytest.mark.parametrize("word", ["", "no-such-id", "'; DROP TABLE task; --", "\u0000" * 5])
def test_a_message_for_nothing_claims_nothing(running, word):
    assert running.claim(word.replace("\0", "x"), "w1") is None


def test_what_a_worker_may_not_run_waits_on_and_is_handed_to_one_that_may(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition(queue="reports"))
    execution_id = view.last_execution.id
    publisher.messages.clear()

    uncaged = Running(ports, lease_seconds=30, kinds={ActionKind.HTTP})
    assert uncaged.claim(execution_id, "w1") is None

    assert publisher.messages == [Message(execution_id, "reports:code")]
    waiting = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert (waiting.task.status, waiting.task.revision) == (TaskStatus.PENDING, view.task.revision)
    assert waiting.detail.attempts == ()
    assert running.claim(execution_id, "w2").attempt == 1
    assert uncaged.claim(execution_id, "w1") is None
    assert len(publisher.messages) == 1


def test_a_worker_that_runs_no_code_makes_http_calls(ports, caller):
    view = Tasks(ports).create(caller, definition(action=HttpAction(url="https://example.org/")))
    uncaged = Running(ports, lease_seconds=30, kinds={ActionKind.HTTP})
    assert uncaged.claim(view.last_execution.id, "w1").attempt == 1


def test_a_result_is_stored_once_and_only_for_the_attempt_that_holds_the_run(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")

    assert not running.finish(claim.execution_id, claim.attempt + 1, SUCCESS)
    assert running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert not running.finish(claim.execution_id, claim.attempt, REVOKED)

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task.status is TaskStatus.SUCCESS
    assert stored.last_execution.status is ExecutionStatus.SUCCESS
    assert stored.detail.result_json == '{"n":7}'
    assert stored.detail.isolation == SUCCESS.isolation
    assert stored.detail.usage.peak_memory_bytes == 1024
    assert [attempt.outcome for attempt in stored.detail.attempts] == [AttemptOutcome.SUCCEEDED]


def test_a_run_whose_lease_is_over_goes_back_and_the_late_worker_is_refused(ports, caller, publisher):
    view = Tasks(ports).create(caller, definition())
    late = Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    publisher.messages.clear()

    assert Rescuing(ports, max_lost_attempts=3).rescue() == 1
    assert status(ports, caller, view.task.task_id) is TaskStatus.PENDING
    # Not at once: the scheduler publishes it, a second later.
    assert publisher.messages == []

    again = Running(ports, lease_seconds=30).claim(view.last_execution.id, "w2")
    assert again.attempt == 2
    running = Running(ports, lease_seconds=30)
    assert running.renew([(late.execution_id, late.attempt)]) == {late.execution_id}
    assert not running.append_log(late.execution_id, late.attempt, "late")
    assert not running.finish(late.execution_id, late.attempt, SUCCESS)
    assert running.finish(again.execution_id, again.attempt, SUCCESS)


def test_a_run_that_loses_its_worker_too_often_fails(ports, caller):
    view = Tasks(ports).create(caller, definition())
    for _ in range(3):
        assert Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1") is not None
        assert Rescuing(ports, max_lost_attempts=3).rescue() == 1

    stored = Tasks(ports).get(caller, view.task.task_id, full=True)
    assert stored.task.status is TaskStatus.FAILURE
    assert stored.last_execution.failure_reason is FailureReason.WORKER_LOST
    assert [attempt.outcome for attempt in stored.detail.attempts] == [AttemptOutcome.LOST] * 3


def test_a_renewed_lease_is_not_rescued(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    assert running.renew([(claim.execution_id, claim.attempt)]) == set()

    assert Rescuing(ports, max_lost_attempts=3).rescue() == 0


def test_a_released_run_can_be_claimed_at_once_and_was_no_failure(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    publisher.messages.clear()

    assert running.release(claim.execution_id, claim.attempt)

    assert len(publisher.messages) == 1
    assert running.claim(claim.execution_id, "w2").attempt == 2
    detail = Tasks(ports).get(caller, view.task.task_id, full=True).detail
    assert detail.attempts[0].outcome is AttemptOutcome.RELEASED


def test_a_log_is_read_from_any_byte(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    for text in ("één\n", "two\n", "three\n"):
        running.append_log(claim.execution_id, claim.attempt, text)

    execution, chunks = Executions(ports).log(caller, claim.execution_id, 0)
    assert "".join(chunk.text for chunk in chunks) == "één\ntwo\nthree\n"
    assert execution.log_bytes == len("één\ntwo\nthree\n".encode())
    _, tail = Executions(ports).log(caller, claim.execution_id, 7)
    assert [(chunk.offset, chunk.text) for chunk in tail] == [(6, "two\n"), (10, "three\n")]
