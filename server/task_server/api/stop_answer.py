"""What StopTask answers: what really happened, to each execution and in all."""

from __future__ import annotations

from collections.abc import Mapping

from task_manager.v1 import task_pb2, task_service_pb2
from task_server.domain.execution import Execution
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.usecases.stopping import Stopped

#: The worst first: it is what is said of the whole.
_BY_WEIGHT = ("UNREACHABLE", "KILLED", "NEVER_STARTED")
#: Ends of a run that nobody saw: its worker, or the process that watched over it, was lost before.
_UNSEEN = (FailureReason.WORKER_LOST, FailureReason.SANDBOX_UNAVAILABLE)


def stop_answer(
    task: task_pb2.Task, stopped: Stopped, ended: Mapping[str, Execution]
) -> task_service_pb2.StopTaskResponse:
    """The answer for a stop, given the executions that ran as they are now, by id."""
    outcomes = dict.fromkeys(stopped.never_started, "NEVER_STARTED")
    for execution_id in stopped.running:
        outcomes[execution_id] = _outcome(ended[execution_id])
    seen = {*outcomes.values(), *(["NEVER_STARTED"] if stopped.ended_firings else [])}
    return task_service_pb2.StopTaskResponse(
        task=task,
        outcome=next((outcome for outcome in _BY_WEIGHT if outcome in seen), "ALREADY_DONE"),
        executions=[
            task_service_pb2.StopTaskResponse.StoppedExecution(id=execution_id, outcome=outcome)
            for execution_id, outcome in outcomes.items()
        ],
    )


def _outcome(execution: Execution) -> str:
    """What a stop did to an execution that ran."""
    if not execution.status.is_terminal or execution.failure_reason in _UNSEEN:
        return "UNREACHABLE"
    return "KILLED" if execution.status is ExecutionStatus.REVOKED else "ALREADY_DONE"
