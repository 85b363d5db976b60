"""The states: closed under their moves, final where they say so, and the same words as in the contract."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from task_manager.v1 import event_pb2, execution_pb2, task_pb2
from task_server.domain.event import EventType
from task_server.domain.status import (
    TRANSITIONS,
    WAITING,
    AttemptOutcome,
    ExecutionStatus,
    FailureReason,
    TaskStatus,
)

FINAL = {ExecutionStatus.SUCCESS, ExecutionStatus.FAILURE, ExecutionStatus.REVOKED}


def test_every_status_has_its_moves_and_they_lead_to_statuses() -> None:
    assert set(TRANSITIONS) == set(ExecutionStatus)
    for moves in TRANSITIONS.values():
        assert moves <= set(ExecutionStatus)


@pytest.mark.parametrize("status", ExecutionStatus)
def test_final_statuses_and_only_they_have_no_move(status: ExecutionStatus) -> None:
    assert status.is_terminal == (status in FINAL) == (not TRANSITIONS[status])
    assert status not in TRANSITIONS[status]


@pytest.mark.parametrize("status", ExecutionStatus)
def test_a_run_ends_from_everywhere_and_begins_only_where_it_waits(status: ExecutionStatus) -> None:
    assert status.is_waiting == (ExecutionStatus.STARTED in TRANSITIONS[status]) == (status in WAITING)
    assert status.is_terminal or ExecutionStatus.REVOKED in TRANSITIONS[status]
    assert (ExecutionStatus.SUCCESS in TRANSITIONS[status]) == (status is ExecutionStatus.STARTED)


@pytest.mark.parametrize("status", TaskStatus)
def test_a_task_has_ended_where_its_execution_has(status: TaskStatus) -> None:
    assert status.is_terminal == (status.value in {final.value for final in FINAL})


@pytest.mark.parametrize(
    ("ours", "contract", "theirs_alone"),
    [
        (ExecutionStatus, execution_pb2.TaskExecution.Status, {"STATUS_UNSPECIFIED"}),
        (TaskStatus, task_pb2.Task.Status, {"STATUS_UNSPECIFIED"}),
        (FailureReason, execution_pb2.TaskExecution.FailureReason, {"FAILURE_REASON_UNSPECIFIED"}),
        (AttemptOutcome, execution_pb2.TaskExecution.Attempt.Outcome, {"OUTCOME_UNSPECIFIED"}),
        (EventType, event_pb2.TaskEvent.Type, {"TYPE_UNSPECIFIED", "BOOKMARK"}),
    ],
)
def test_the_words_are_those_of_the_contract(ours: type[StrEnum], contract: Any, theirs_alone: set[str]) -> None:
    assert {word.value for word in ours} == set(contract.keys()) - theirs_alone


def test_a_task_shows_every_status_of_an_execution() -> None:
    assert {status.value for status in ExecutionStatus} == {status.value for status in TaskStatus} - {
        "SCHEDULED",
        "PAUSED",
    }
