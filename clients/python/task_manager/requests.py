"""Requests from plain Python arguments, the same for both clients."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypedDict, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from task_manager.v1.admin_service_pb2 import CreateTokenRequest
from task_manager.v1.execution_pb2 import TaskExecution, User
from task_manager.v1.execution_service_pb2 import (
    ExecutionStats,
    RegisterExecutionRequest,
    UpdateExecutionStatusRequest,
)
from task_manager.v1.task_pb2 import CeleryTask, ResponseAssertion, RetryPolicy, StartRate, Task, View
from task_manager.v1.task_service_pb2 import (
    BatchCreateTasksRequest,
    CreateTaskRequest,
    PreviewScheduleRequest,
    StopTasksRequest,
    UpdateTaskRequest,
)
from task_manager.v1.token_pb2 import Token
from task_manager.values import Json, to_list, to_struct, to_timestamp, to_value

RequestT = TypeVar("RequestT", bound=Message)


class TaskFields(TypedDict, total=False):
    """What `create_task` takes beside the name: the fields of `Task` that callers may set, with its rules and defaults.

    None means left out, but for `data`, where it is the JSON body `null`. Choose one of `function_code`, `api_url` and
    `celery_task`, and at most one of `delay_seconds`, `run_at` and `cron_expression`. All times have a time zone.
    """

    task_type: str | None
    function_code: str | None
    api_url: str | None
    celery_task: CeleryTask | None
    function_name: str | None
    task_args: Sequence[Json] | None
    task_kwargs: Mapping[str, Json] | None
    method: str | None
    headers: Mapping[str, str] | None
    secret_headers: Mapping[str, str] | None
    secrets: Mapping[str, str] | None
    params: Mapping[str, Json] | None
    data: Json
    raw_body: bytes | None
    expected_status: Sequence[int] | None
    response_assertions: Sequence[ResponseAssertion] | None
    delay_seconds: float | None
    run_at: datetime | None
    cron_expression: str | None
    time_zone: str | None
    start_at: datetime | None
    end_at: datetime | None
    max_runs: int | None
    misfire_policy: Task.MisfirePolicy | str | None
    misfire_window_seconds: float | None
    overlap_policy: Task.OverlapPolicy | str | None
    jitter_seconds: float | None
    timeout: float | None
    retry_policy: RetryPolicy | None
    deadline_seconds: float | None
    queue: str | None
    priority: int | None
    module: str | None
    concurrency_key: str | None
    max_concurrent: int | None
    start_rate: StartRate | None
    metadata: Mapping[str, Json] | None


class UpdateFields(TaskFields, total=False):
    """What `update_task` changes. None means left as it is, but for `data`, where it is the JSON body `null`."""

    name: str | None


class WatchFields(TypedDict, total=False):
    """Which tasks a watch is about. None means any."""

    module: str | None
    name: str | None
    created_by: str | None
    my_tasks: bool | None


class StatsFields(WatchFields, total=False):
    """Which tasks are counted. A status may be its word, as "SUCCESS"."""

    status: Task.Status | str | None
    task_type: str | None
    filter: str | None


class ScheduledFields(WatchFields, total=False):
    """Which cron tasks are listed, how many a page, and how much of each."""

    status: Task.Status | str | None
    page_size: int | None
    view: View | str | None


class ListFields(ScheduledFields, total=False):
    """Which tasks are listed, how many a page, and how much of each."""

    task_type: str | None
    filter: str | None


class RegistrationFields(TypedDict, total=False):
    """What is told of a run of another Celery app beside its id, name and module; see RegisterExecutionRequest.

    `created_by` is the id of the user that it is registered for: another's than the caller's needs a grant.
    """

    task_args: Sequence[Json] | None
    task_kwargs: Mapping[str, Json] | None
    created_by: str | None
    created_by_username: str | None
    metadata: Mapping[str, Json] | None
    initial_status: TaskExecution.Status | str | None
    app: str | None


class StatusFields(TypedDict, total=False):
    """What is told of a run beside its status. `metadata` is merged into what is there."""

    result: Json
    error: str | None
    traceback: str | None
    metadata: Mapping[str, Json] | None


class MatchingFields(TypedDict, total=False):
    """Which executions."""

    module: str | None
    task_name: str | None
    status: TaskExecution.Status | str | None
    start_date: str | date | None
    end_date: str | date | None
    parent_task: str | None
    filter: str | None
    time_zone: str | None


class MyExecutionFields(MatchingFields, total=False):
    """Which of the caller's own executions are listed, in which order, how many a page, and how much of each."""

    order_by: str | None
    page_size: int | None
    view: View | str | None


class ExecutionFields(MyExecutionFields, total=False):
    """Which executions are listed, in which order, how many a page, and how much of each."""

    created_by: str | None
    my_tasks: bool | None


class ExecutionStatsFields(MatchingFields, total=False):
    """Which executions are counted, and how long each of the periods is, as "HOUR"."""

    created_by: str | None
    my_tasks: bool | None
    period_length: ExecutionStats.Period.Length | str | None


def _day_or_time(value: Any, path: str) -> str:
    if isinstance(value, datetime) and value.utcoffset() is None:
        message = f"{path}: {value.isoformat()} has no time zone; give it one, or give a date"
        raise ValueError(message)
    return value.isoformat() if isinstance(value, date) else value


_CONVERSIONS: Mapping[str, Callable[[Any, str], object]] = {
    "task_args": to_list,
    "task_kwargs": to_struct,
    "params": to_struct,
    "data": to_value,
    "result": to_value,
    "metadata": to_struct,
    "run_at": to_timestamp,
    "start_at": to_timestamp,
    "end_at": to_timestamp,
    "start_date": _day_or_time,
    "end_date": _day_or_time,
}


def fill(message: RequestT, fields: Mapping[str, object], known: type) -> RequestT:
    """`message` with `fields`, which the TypedDict `known` names.

    Raises:
        TypeError: a field that `known` does not have, or a value of a wrong type.
        ValueError: a value that can not be sent, or two fields of which a request may have only one.
    """
    for name, value in fields.items():
        if name not in known.__annotations__:
            error = f"{name!r} is none of {', '.join(sorted(known.__annotations__))}"
            raise TypeError(error)
        if value is None and name != "data":
            continue
        choice = message.DESCRIPTOR.fields_by_name[name].containing_oneof
        # An `optional` field stands in a oneof of its own, which no other field can contradict.
        if choice is not None and (chosen := message.WhichOneof(choice.name)):
            error = f"{chosen} and {name} exclude one another; give one of them"
            raise ValueError(error)
        convert = _CONVERSIONS.get(name)
        try:
            part = type(message)(**{name: convert(value, name) if convert else value})
        except (TypeError, ValueError) as problem:
            if str(problem).startswith(name):
                raise
            # protobuf does not say which field it could not take.
            error = f"{name}: {problem}"
            raise type(problem)(error) from problem
        message.MergeFrom(part)
    return message


def identified(request_id: str | None) -> str:
    """The id of a request that makes something, a fresh one where none is given: that is what makes repeating it safe."""
    return request_id or str(uuid.uuid4())


def create_task(
    name: str, fields: TaskFields, *, request_id: str | None = None, validate_only: bool = False
) -> CreateTaskRequest:
    """A CreateTask request, always with a `request_id`."""
    task = fill(Task(name=name), fields, TaskFields)
    return CreateTaskRequest(task=task, request_id=identified(request_id), validate_only=validate_only)


def batch_create_tasks(tasks: Iterable[CreateTaskRequest]) -> BatchCreateTasksRequest:
    """A BatchCreateTasks request, each of its tasks with a `request_id`."""
    request = BatchCreateTasksRequest(requests=tasks)
    for each in request.requests:
        each.request_id = identified(each.request_id)
    return request


def preview_schedule(
    cron_expression: str, *, time_zone: str, count: int, after: datetime | None
) -> PreviewScheduleRequest:
    """A PreviewSchedule request. Raises ValueError for a time without zone."""
    request = PreviewScheduleRequest(cron_expression=cron_expression, time_zone=time_zone, count=count)
    if after is not None:
        request.after.CopyFrom(to_timestamp(after, "after"))
    return request


def update_task(task_id: str, fields: UpdateFields, *, etag: str, clear: Sequence[str]) -> UpdateTaskRequest:
    """An UpdateTask request, whose mask names what is given and what is to be cleared."""
    given = [name for name, value in fields.items() if value is not None or name == "data"]
    if both := sorted({*given} & {*clear}):
        error = f"{', '.join(both)}: give a value or clear it, not both"
        raise ValueError(error)
    if not given and not clear:
        raise ValueError("give a field to change, or name one to clear")
    task = fill(Task(task_id=task_id, etag=etag), fields, UpdateFields)
    return UpdateTaskRequest(task=task, update_mask=FieldMask(paths=[*given, *clear]))


def stop_tasks(fields: StatsFields, *, validate_only: bool) -> StopTasksRequest:
    """A StopTasks request."""
    return fill(StopTasksRequest(validate_only=validate_only), fields, StatsFields)


def registration(task_id: str, task_name: str, module: str, fields: RegistrationFields) -> RegisterExecutionRequest:
    """A RegisterExecution request, also a part of those of many runs."""
    request = RegisterExecutionRequest(task_id=task_id, task_name=task_name, module=module)
    return fill(request, fields, RegistrationFields)


def update_execution_status(
    execution_id: str, status: TaskExecution.Status | str, fields: StatusFields
) -> UpdateExecutionStatusRequest:
    """An UpdateExecutionStatus request."""
    return fill(UpdateExecutionStatusRequest(id=execution_id, status=status), fields, StatusFields)


def create_token(
    user_id: str, role: str, *, username: str, grants: Sequence[str], name: str, expires_at: datetime | None
) -> CreateTokenRequest:
    """A CreateToken request. Raises ValueError for a time without zone."""
    token = Token(owner=User(id=user_id, username=username), role=role, grants=grants, name=name)
    if expires_at is not None:
        token.expires_at.CopyFrom(to_timestamp(expires_at, "expires_at"))
    return CreateTokenRequest(token=token)


def page(request: RequestT, page_token: str) -> RequestT:
    """`request` for the page that `page_token` names."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.page_token = page_token  # type: ignore[attr-defined]  # every list request has one
    return copy
