"""Reports of what was seen of runs of other Celery apps, from plain Python fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import ExecutionReport
from task_manager.values import Json, fill_list, fill_struct, fill_value


class RunFields(TypedDict, total=False):
    """Which run, and what is recorded of it where that is not done yet: the fields of `RegisterExecutionRequest`."""

    task_id: str
    task_name: str
    module: str
    task_args: Sequence[Json]
    task_kwargs: Mapping[str, Json]
    created_by: str
    created_by_username: str
    metadata: Mapping[str, Json]
    app: str


class RegisterFields(RunFields, total=False):
    """A run, and the status that it is registered with."""

    initial_status: TaskExecution.Status | str


class ReportFields(RunFields, total=False):
    """What was seen of a run: the fields of `ExecutionReport`, and those of its `run`. A `result` that is given may be None."""

    status: TaskExecution.Status | str
    retries: int
    result: Json
    error: str
    traceback: str
    worker: str
    queue: str


_FILL: Mapping[str, Callable[[Any, object, str], None]] = {
    "task_args": fill_list,
    "task_kwargs": fill_struct,
    "metadata": fill_struct,
    "result": fill_value,
}
_RUN = frozenset(RunFields.__annotations__)
_REPORT = frozenset(ReportFields.__annotations__)


def report(seconds: float, fields: Mapping[str, Any]) -> ExecutionReport:
    """The report of what was seen at a time, in seconds since 1970.

    Raises:
        TypeError: an unknown field, or a value that is no JSON or of a wrong type.
        ValueError: a value that can not be sent.
    """
    if unknown := fields.keys() - _REPORT:
        error = f"{', '.join(sorted(unknown))}: none of {', '.join(sorted(_REPORT))}"
        raise TypeError(error)
    message = ExecutionReport()
    run, occurred_at, whole = message.run, message.occurred_at, int(seconds)
    occurred_at.seconds, occurred_at.nanos = whole, int((seconds - whole) * 1e9)
    for name, value in fields.items():
        if value is None and name != "result":
            continue
        home = run if name in _RUN else message
        if name in _FILL:
            _FILL[name](getattr(home, name), value, name)
        elif name == "status" and isinstance(value, str):
            message.status = TaskExecution.Status.Value(value)  # type: ignore[assignment]  # the stubs know two types
        else:
            setattr(home, name, value)
    return message
