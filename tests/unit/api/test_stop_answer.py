"""StopTask's answer: what happened to each execution, and of all of them the worst."""

from __future__ import annotations

from typing import Any

import pytest

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.api.stop_answer import stop_answer
from task_server.domain.execution import Execution
from task_server.domain.owner import Owner
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.usecases.stopping import Stopped

_Outcome = task_service_pb2.StopTaskResponse.Outcome


def run(status: str, reason: FailureReason | None = None) -> Execution:
    return Execution(
        id="e",
        task_id="e",
        parent_task="t",
        task_name="n",
        module="",
        owner=Owner("ann", "Ann"),
        status=ExecutionStatus(status),
        queue="q",
        due_at=0,
        created_at=0,
        failure_reason=reason,
    )


KILLED, ENDED, RUNNING = run("REVOKED"), run("SUCCESS"), run("STARTED")


@pytest.mark.parametrize(
    ("waited", "ran", "ended_firings", "overall", "each"),
    [
        (["w"], {}, False, "NEVER_STARTED", {"w": "NEVER_STARTED"}),
        ([], {}, True, "NEVER_STARTED", {}),
        ([], {}, False, "ALREADY_DONE", {}),
        ([], {"r": KILLED}, False, "KILLED", {"r": "KILLED"}),
        ([], {"r": ENDED}, False, "ALREADY_DONE", {"r": "ALREADY_DONE"}),
        ([], {"r": run("FAILURE", FailureReason.EXCEPTION)}, False, "ALREADY_DONE", {"r": "ALREADY_DONE"}),
        ([], {"r": run("FAILURE", FailureReason.DEADLINE_EXCEEDED)}, False, "ALREADY_DONE", {"r": "ALREADY_DONE"}),
        ([], {"r": RUNNING}, False, "UNREACHABLE", {"r": "UNREACHABLE"}),
        ([], {"r": run("REVOKED", FailureReason.WORKER_LOST)}, False, "UNREACHABLE", {"r": "UNREACHABLE"}),
        ([], {"r": run("REVOKED", FailureReason.SANDBOX_UNAVAILABLE)}, False, "UNREACHABLE", {"r": "UNREACHABLE"}),
        (["w"], {"a": ENDED, "b": KILLED}, True, "KILLED", {"w": "NEVER_STARTED", "a": "ALREADY_DONE", "b": "KILLED"}),
        (["w"], {"a": RUNNING, "b": KILLED}, False, "UNREACHABLE", {"w": "NEVER_STARTED", "a": "UNREACHABLE", "b": "KILLED"}),
        ([], {"a": ENDED}, True, "NEVER_STARTED", {"a": "ALREADY_DONE"}),
    ],
)  # fmt: skip
def test_the_answer_says_what_happened(
    waited: list[str], ran: dict[str, Execution], ended_firings: bool, overall: str, each: dict[str, str]
) -> None:
    task: Any = None
    stopped = Stopped(task=task, never_started=waited, running=list(ran), ended_firings=ended_firings)

    answer = stop_answer(task_pb2.Task(task_id="t"), stopped, ran)

    assert answer.task.task_id == "t"
    assert _Outcome.Name(answer.outcome) == overall
    assert {said.id: _Outcome.Name(said.outcome) for said in answer.executions} == each
