"""Domain values to messages."""

from __future__ import annotations

import base64
from typing import Any

from task_manager.v1 import event_pb2, execution_pb2, task_pb2, task_service_pb2
from task_server.api.values import json_value, timestamp, to_list, to_struct, to_value
from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.clock import SECOND
from task_server.domain.event import Event
from task_server.domain.execution import Attempt, Execution, ExecutionDetail
from task_server.domain.explanation import Explanation
from task_server.domain.fire_times import FireTime
from task_server.domain.outcome import Limits
from task_server.domain.owner import Owner
from task_server.domain.places import StartRate
from task_server.domain.retry import RetryPolicy
from task_server.domain.secret import REDACTED, SecretKind, is_sensitive_header
from task_server.domain.task import Task
from task_server.executors.placeholders import is_template

_TaskExecution = execution_pb2.TaskExecution


def user(owner: Owner) -> execution_pb2.User:
    """The owner of a row."""
    return execution_pb2.User(id=owner.id, username=owner.username)


def task(value: Task, execution: Execution | None, detail: ExecutionDetail | None, *, full: bool) -> task_pb2.Task:
    """A task with its latest execution, with or without its heavy parts."""
    definition = value.definition
    schedule = definition.schedule
    message = task_pb2.Task(
        task_id=value.task_id,
        name=definition.name,
        task_type=definition.task_type.value,
        delay_seconds=schedule.delay_seconds,
        run_at=timestamp(schedule.run_at),
        cron_expression=schedule.cron_expression or None,
        time_zone=schedule.time_zone,
        start_at=timestamp(schedule.start_at),
        end_at=timestamp(schedule.end_at),
        max_runs=schedule.max_runs,
        timeout=definition.timeout,
        retry_policy=_retry_policy(definition.retry_policy),
        deadline_seconds=definition.deadline_seconds,
        queue=definition.queue,
        module=definition.module,
        metadata=to_struct(definition.metadata) if definition.metadata else None,
        status=value.status.value,
        next_run_at=timestamp(value.next_run_at),
        last_execution=_last_execution(execution, detail),
        run_count=value.run_count,
        created_at=timestamp(value.created_at),
        updated_at=timestamp(value.updated_at),
        created_by=user(value.owner),
        etag=str(value.revision),
        paused_at=timestamp(value.paused_at),
        concurrency_key=definition.concurrency_key,
        max_concurrent=definition.max_concurrent,
        start_rate=_start_rate(definition.start_rate),
    )
    if schedule.cron_expression:
        _set_cron(message, value)
    if isinstance(definition.action, CodeAction):
        _set_code(message, definition.action, full=full)
    else:
        _set_http(message, definition.action, full=full)
    return message


def _retry_policy(value: RetryPolicy | None) -> task_pb2.RetryPolicy | None:
    if value is None:
        return None
    return task_pb2.RetryPolicy(
        max_retries=value.max_retries,
        initial_backoff=value.initial_backoff,
        backoff_multiplier=value.backoff_multiplier,
        max_backoff=value.max_backoff,
        jitter=value.jitter,
        retry_statuses=value.retry_statuses,
        retry_reasons=[reason.value for reason in value.retry_reasons],
    )


def _start_rate(value: StartRate | None) -> task_pb2.StartRate | None:
    return task_pb2.StartRate(count=value.count, seconds=value.seconds) if value else None


def _set_cron(message: task_pb2.Task, value: Task) -> None:
    schedule = value.definition.schedule
    policies = task_pb2.Task(
        misfire_policy=schedule.misfire_policy.value,
        misfire_window_seconds=schedule.misfire_window_seconds,
        overlap_policy=schedule.overlap_policy.value,
        jitter_seconds=schedule.jitter_seconds,
        fired_count=value.fire_count,
        missed_count=value.missed_count,
        skipped_count=value.skipped_count,
    )
    message.MergeFrom(policies)


def fire_time(value: FireTime) -> task_pb2.FireTime:
    """A cron firing that is to come."""
    return task_pb2.FireTime(time=timestamp(value.time), local_time=value.local_time, note=value.note)


def _last_execution(value: Execution | None, detail: ExecutionDetail | None) -> _TaskExecution | None:
    return execution(value, detail) if value is not None else None


def _set_code(message: task_pb2.Task, action: CodeAction, *, full: bool) -> None:
    message.function_name = action.function_name
    # Set even when empty, so that the answer says which kind of action it is.
    message.function_code = action.function_code if full else ""
    if full and action.args:
        message.task_args.CopyFrom(to_list(action.args))
    if full and action.kwargs:
        message.task_kwargs.CopyFrom(to_struct(action.kwargs))


def _set_http(message: task_pb2.Task, action: HttpAction, *, full: bool) -> None:
    message.api_url = action.url
    message.method = action.method
    message.expected_status.extend(action.expected_status)
    if not full:
        return
    for name, value in action.headers.items():
        # Sealed now; a task that was stored before that has it in plain.
        message.headers[name] = REDACTED if is_sensitive_header(name) and not is_template(value) else value
    for sealed in action.sealed:
        message.sealed_values.add(name=sealed.name, kind=sealed.kind.name, fingerprint=sealed.fingerprint)
        if sealed.kind is SecretKind.HEADER:
            message.headers[sealed.name] = REDACTED
    if action.params:
        message.params.CopyFrom(to_struct(action.params))
    if action.has_data:
        message.data.CopyFrom(to_value(action.data))
    message.raw_body = base64.b64decode(action.raw_body_base64)
    message.response_assertions.extend(map(_assertion, action.response_assertions))


def _assertion(value: ResponseAssertion) -> task_pb2.ResponseAssertion:
    fields: dict[str, Any] = {
        value.condition.value: to_value(value.value) if value.condition is Condition.EQUALS else value.value
    }
    match value.subject:
        case Subject.HEADER:
            fields["header"] = value.name
        case Subject.JSON:
            fields["json_path"] = value.name
    return task_pb2.ResponseAssertion(**fields)


def execution(value: Execution, detail: ExecutionDetail | None) -> _TaskExecution:
    """An execution, with its heavy parts where they were read."""
    message = _TaskExecution(
        id=value.id,
        task_id=value.task_id,
        parent_task=value.parent_task,
        task_name=value.task_name,
        module=value.module,
        status=value.status.value,
        created_at=timestamp(value.created_at),
        started_at=timestamp(value.started_at),
        finished_at=timestamp(value.finished_at),
        error=value.error,
        created_by=user(value.owner),
        created_by_id=value.owner.id,
        created_by_username=value.owner.username,
        metadata=to_struct(value.metadata) if value.metadata else None,
        scheduled_for=timestamp(value.scheduled_for),
        worker=value.worker,
        queue=value.queue,
        source=value.source,
        observed_at=timestamp(value.observed_at),
        log_bytes=value.log_bytes,
        due_at=timestamp(value.due_at),
        deadline_at=timestamp(value.deadline_at),
        rerun_of=value.rerun_of,
        app=value.app,
        retries=value.retries,
        failure_reason=value.failure_reason.value if value.failure_reason else None,
    )
    if value.started_at is not None and value.finished_at is not None:
        message.duration = (value.finished_at - value.started_at) / SECOND
    if detail is not None:
        _set_detail(message, detail)
    return message


def _set_detail(message: _TaskExecution, detail: ExecutionDetail) -> None:
    message.task_args.CopyFrom(to_list(detail.task_args))
    message.task_kwargs.CopyFrom(to_struct(detail.task_kwargs))
    if detail.result_json is not None:
        message.result.CopyFrom(json_value(detail.result_json))
    message.traceback = detail.traceback
    message.omission = detail.omission
    message.attempts.extend(_attempt(attempt) for attempt in detail.attempts)
    if detail.isolation.level:
        message.isolation.level = detail.isolation.level
        message.isolation.layers.extend(detail.isolation.layers)
        if detail.isolation.limits is not None:
            message.isolation.limits.CopyFrom(_limits(detail.isolation.limits))
        message.usage.cpu_seconds = detail.usage.cpu_seconds
        message.usage.peak_memory_bytes = detail.usage.peak_memory_bytes
        message.usage.exit_signal = detail.usage.exit_signal


def _limits(value: Limits) -> execution_pb2.TaskExecution.Isolation.Limits:
    return _TaskExecution.Isolation.Limits(
        wall_seconds=value.wall_seconds,
        cpu_seconds=value.cpu_seconds,
        memory_bytes=value.memory_bytes,
        output_bytes=value.output_bytes,
        result_bytes=value.result_bytes,
        open_files=value.open_files,
    )


def _attempt(value: Attempt) -> execution_pb2.TaskExecution.Attempt:
    return _TaskExecution.Attempt(
        number=value.number,
        started_at=timestamp(value.started_at),
        finished_at=timestamp(value.finished_at),
        worker=value.worker,
        outcome=value.outcome.value if value.outcome else None,
        error=value.error,
        failure_reason=value.failure_reason.value if value.failure_reason else None,
        log_offset=value.log_offset,
        log_bytes=value.log_bytes,
    )


def waiting(value: Explanation) -> task_pb2.Waiting:
    """Why something that is due waits."""
    return task_pb2.Waiting(**_explanation(value))


def explanation(value: Explanation) -> task_service_pb2.ExplainTaskResponse:
    """Why a task does or does not run."""
    return task_service_pb2.ExplainTaskResponse(**_explanation(value))


def _explanation(value: Explanation) -> dict[str, Any]:
    return {
        "cause": value.cause.value,
        "explanation": value.explanation,
        "since": timestamp(value.since),
        "remedy": value.remedy,
    }


def event(value: Event, watch_token: str) -> event_pb2.TaskEvent:
    """A change, for a watcher."""
    return event_pb2.TaskEvent(
        type=value.type.value,
        task=task(value.task, None, None, full=False),
        execution=_last_execution(value.execution, None),
        watch_token=watch_token,
        occurred_at=timestamp(value.occurred_at),
    )
