"""Domain values to messages: a task comes back as it was given, and BASIC leaves out what is heavy or secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format

from task_manager.v1 import execution_pb2, task_pb2
from task_server.api import convert
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.clock import SECOND
from task_server.domain.execution import Attempt, Execution, ExecutionDetail
from task_server.domain.outcome import Isolation, Limits, Usage
from task_server.domain.owner import Owner
from task_server.domain.status import AttemptOutcome, ExecutionStatus, FailureReason
from task_server.usecases.tasks import new_task

NOW = 1_767_225_600 * SECOND
ANN = Owner("ann", "Ann")
CODE = {
    "name": "t", "function_code": "def f():\n    return 1", "function_name": "f", "task_args": [1, "x"], "task_kwargs": {"a": None},
    "timeout": 7.5, "queue": "q", "module": "m", "metadata": {"k": [1, {"n": 2.5}]},
}  # fmt: skip
RETRIES = {
    "max_retries": 3,
    "initial_backoff": 0.5,
    "backoff_multiplier": 3,
    "max_backoff": 9,
    "retry_reasons": ["CRASHED"],
}
HTTP = {
    "name": "t", "api_url": "https://example.com", "method": "POST", "headers": {"X-Key": "secret"}, "params": {"p": [1, "x"]},
    "data": {"a": None}, "expected_status": [200, 201],
    "response_assertions": [
        {"header": "X-Own", "matches": "a+"}, {"exists": False}, {"json_path": "$.a[-1]", "equals": None},
        {"json_path": "$", "equals": [1, {"b": "c"}]}, {"contains": "secret"},
    ],
}  # fmt: skip
CRON = CODE | {"cron_expression": "0 8 * * *", "time_zone": "Asia/Shanghai", "start_at": "2027-01-01T00:00:00Z",
               "end_at": "2028-01-01T00:00:00Z", "max_runs": 3}  # fmt: skip


VALIDATOR = TaskValidator(lambda *_code: (), lambda patterns: [None] * len(patterns), 300.0, 3600.0)


def define(task: dict[str, Any] | task_pb2.Task) -> Any:
    message = task if isinstance(task, task_pb2.Task) else json_format.ParseDict(task, task_pb2.Task())
    return VALIDATOR.validate(message, NOW, Violations())


@pytest.mark.parametrize(
    "task",
    [
        CODE,
        CODE | {"delay_seconds": 0},
        CODE | {"delay_seconds": 1.5},
        CODE | {"run_at": "2027-01-01T00:00:00.000001Z"},
        CRON,
        CRON
        | {
            "misfire_policy": "SKIP",
            "overlap_policy": "QUEUE_ONE",
            "jitter_seconds": 2.5,
            "misfire_window_seconds": 60,
        },
        CODE | {"retry_policy": RETRIES, "deadline_seconds": 60},
        HTTP,
        HTTP | {"data": None},
        {"name": "t", "api_url": "https://example.com", "raw_body": "AP8="},
        {"name": "t", "api_url": "https://example.com"},
    ],
)
def test_a_full_task_can_be_given_again_as_it_is(task: dict[str, Any]) -> None:
    definition = define(task)
    message = convert.task(new_task(ANN, definition, NOW), None, None, full=True)
    assert define(message) == definition
    shown = json_format.MessageToDict(message, preserving_proto_field_name=True)
    given = json_format.MessageToDict(json_format.ParseDict(task, task_pb2.Task()), preserving_proto_field_name=True)
    assert given.items() <= shown.items()


def test_a_basic_code_task_leaves_out_code_and_arguments_and_says_what_it_is() -> None:
    message = convert.task(new_task(ANN, define(CODE), NOW), None, None, full=False)
    assert message.WhichOneof("action") == "function_code"
    assert (message.function_code, message.function_name) == ("", "f")
    assert not message.HasField("task_args")
    assert not message.HasField("task_kwargs")
    assert message.metadata["k"][0] == 1


def test_a_basic_api_task_leaves_out_headers_and_bodies() -> None:
    message = convert.task(new_task(ANN, define(HTTP), NOW), None, None, full=False)
    assert (message.api_url, message.method, list(message.expected_status)) == (
        "https://example.com",
        "POST",
        [200, 201],
    )
    assert b"secret" not in message.SerializeToString()
    assert not message.HasField("data")
    assert not message.HasField("params")


def test_what_the_service_says_of_a_task() -> None:
    task = new_task(ANN, define(CODE | {"delay_seconds": 5}), NOW)
    message = convert.task(task, None, None, full=True)
    assert message.status == task_pb2.Task.SCHEDULED
    assert message.next_run_at.ToMicroseconds() == NOW + 5 * SECOND
    assert (message.created_by.id, message.created_by.username, message.etag) == ("ann", "Ann", "1")
    assert not message.HasField("last_execution")
    assert not message.HasField("paused_at")
    # What goes with cron alone is not said of other tasks.
    assert (message.misfire_policy, message.overlap_policy, message.misfire_window_seconds) == (0, 0, 0)


def test_a_cron_task_shows_its_counters_its_policies_and_its_pause() -> None:
    task = replace(new_task(ANN, define(CRON), NOW), fire_count=3, missed_count=4, skipped_count=5, paused_at=NOW + 1)
    message = convert.task(task, None, None, full=False)
    assert (message.fired_count, message.missed_count, message.skipped_count) == (3, 4, 5)
    assert (message.misfire_policy, message.overlap_policy) == (task_pb2.Task.FIRE_ONCE, task_pb2.Task.ALLOW)
    assert message.misfire_window_seconds == 3600
    assert message.paused_at.ToMicroseconds() == NOW + 1


EXECUTION = Execution(
    id="e1", task_id="c1", parent_task="t1", task_name="t", module="m", owner=ANN, status=ExecutionStatus.FAILURE, queue="q",
    due_at=NOW, scheduled_for=NOW, deadline_at=NOW + SECOND, attempt=2, worker="w", created_at=NOW,
    started_at=NOW + SECOND, finished_at=NOW + 3 * SECOND,
    error="boom", failure_reason=FailureReason.TIMEOUT, metadata={"k": 1}, observed_at=NOW, log_bytes=9, rerun_of="e0",
    app="shop", retries=3,
)  # fmt: skip
DETAIL = ExecutionDetail(
    task_args=[1], task_kwargs={"a": 2}, result_json='{"big": 12345678901234567890, "n": null}', traceback="line 1",
    isolation=Isolation(
        level="process", layers=("seccomp", "rlimits"),
        limits=Limits(wall_seconds=1.5, cpu_seconds=2, memory_bytes=3, output_bytes=4, result_bytes=5, open_files=6)),
    usage=Usage(cpu_seconds=0.5, peak_memory_bytes=7, exit_signal=9), omission="not stored",
    attempts=(Attempt(number=1, started_at=NOW, worker="w0", finished_at=NOW + 1, outcome=AttemptOutcome.LOST, error="gone",
                      failure_reason=FailureReason.WORKER_LOST, log_offset=4, log_bytes=5),
              Attempt(number=2, started_at=NOW, worker="w")),
)  # fmt: skip


def test_an_execution_with_everything_sets_every_field() -> None:
    message = convert.execution(EXECUTION, DETAIL)
    missing = {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}
    assert missing == set()
    assert message.duration == 2.0
    assert message.failure_reason == execution_pb2.TaskExecution.TIMEOUT
    assert json_format.MessageToDict(message.result) == {"big": "12345678901234567890", "n": None}
    assert [attempt.outcome for attempt in message.attempts] == [execution_pb2.TaskExecution.Attempt.LOST, 0]
    lost, _ = message.attempts
    assert {field.name for field, _ in lost.ListFields()} == {field.name for field in lost.DESCRIPTOR.fields}
    assert (lost.error, lost.failure_reason) == ("gone", execution_pb2.TaskExecution.WORKER_LOST)
    assert (lost.log_offset, lost.log_bytes) == (4, 5)
    assert (message.usage.exit_signal, list(message.isolation.layers)) == (9, ["seccomp", "rlimits"])
    limits = {field.name: value for field, value in message.isolation.limits.ListFields()}
    assert limits == {
        "wall_seconds": 1.5,
        "cpu_seconds": 2,
        "memory_bytes": 3,
        "output_bytes": 4,
        "result_bytes": 5,
        "open_files": 6,
    }


def test_a_basic_execution_leaves_out_its_heavy_parts() -> None:
    message = convert.execution(EXECUTION, None)
    absent = {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}
    assert absent == {"task_args", "task_kwargs", "result", "traceback", "attempts", "isolation", "usage", "omission"}


def test_no_result_is_not_null() -> None:
    assert not convert.execution(EXECUTION, ExecutionDetail()).HasField("result")
    null = convert.execution(EXECUTION, ExecutionDetail(result_json="null"))
    assert null.result.WhichOneof("kind") == "null_value"
