"""A Task message: each rule has its violation, all of them are told at once, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2

from task_manager.v1 import task_pb2
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.actions import CodeAction, HttpAction
from task_server.domain.clock import micros
from task_server.domain.errors import InvalidFields
from task_server.domain.schedule import MisfirePolicy, OverlapPolicy, Schedule, TaskType
from task_server.domain.task import TaskDefinition

NOW = micros(datetime.fromisoformat("2026-01-01T00:00:00Z"))
CODE = {"name": "t", "function_code": "def f():\n    return 1", "function_name": "f"}
HTTP = {"name": "t", "api_url": "https://example.com/x"}
CRON = CODE | {"cron_expression": "0 0 * * *"}


@dataclass(frozen=True)
class Finding:
    line: int
    message: str


def no_findings(source: str, name: str) -> Sequence[Finding]:
    return ()


def validate(
    task: task_pb2.Task | dict[str, Any], check_code: Callable[..., Sequence[Finding]] = no_findings, **options: Any
) -> TaskDefinition:
    message = task if isinstance(task, task_pb2.Task) else json_format.ParseDict(task, task_pb2.Task())
    validator = TaskValidator(check_code, lambda _patterns: (), default_timeout=300.0, max_timeout=3600.0)
    return validator.validate(message, NOW, Violations(), **options)


def violations(task: task_pb2.Task | dict[str, Any], *arguments: Any, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFields) as caught:
        validate(task, *arguments, **options)
    return [(violation.field, violation.description) for violation in caught.value.violations]


# Each row: a task that is fine, what is changed in it, the field that is wrong, and a part of what is said.
RULES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (CODE, {"name": ""}, "name", "is required"),
    (CODE, {"name": "  "}, "name", "is required"),
    (CODE, {"name": "x" * 201}, "name", "at most 200 characters, not 201"),
    (CODE, {"name": "a\nb"}, "name", "control characters"),
    (CODE, {"module": "x" * 201}, "module", "at most 200 characters"),
    (CODE, {"module": "\x7f"}, "module", "control characters"),
    (CODE, {"queue": "a b"}, "queue", "1 to 64 letters"),
    (CODE, {"queue": "x" * 65}, "queue", "1 to 64 letters"),
    (CODE, {"queue": "世"}, "queue", "1 to 64 letters"),
    (CODE, {"queue": "_kombu.binding.default"}, "queue", "keep for themselves"),
    (CODE, {"queue": "unacked_index"}, "queue", "keep for themselves"),
    (CODE, {"queue": "amq.gen-1"}, "queue", "keep for themselves"),
    (CODE, {"priority": 1}, "priority", "not served yet"),
    (CODE, {"deadline_seconds": -1}, "deadline_seconds", "must be from 0 to 315,576,000, not -1"),
    (CODE, {"deadline_seconds": "NaN"}, "deadline_seconds", "not nan"),
    (CODE, {"deadline_seconds": 315_576_001}, "deadline_seconds", "not 315,576,001"),
    (CODE, {"timeout": -1}, "timeout", "must be from 0 to 3,600, not -1"),
    (CODE, {"timeout": 3601}, "timeout", "must be from 0 to 3,600, not 3,601"),
    (CODE, {"timeout": "NaN"}, "timeout", "not nan"),
    (CODE, {"timeout": "Infinity"}, "timeout", "not inf"),
    (CODE, {"metadata": {"k": "x" * 65_536}}, "metadata", "at most 65,536 bytes"),
    (CODE, {"function_code": " \n"}, "function_code", "must not be empty"),
    (CODE, {"function_code": "x" * 262_145}, "function_code", "at most 262,144 bytes, not 262,145"),
    (CODE, {"function_code": "世" * 90_000}, "function_code", "not 270,000"),
    (CODE, {"function_name": ""}, "function_name", "is required with function_code"),
    (CODE, {"function_name": "1f"}, "function_name", "must be a Python identifier, not '1f'"),
    (CODE, {"function_name": "class"}, "function_name", "must be a Python identifier"),
    (CODE, {"function_name": "f()"}, "function_name", "must be a Python identifier"),
    (CODE, {"method": "GET"}, "method", "belongs to api_url"),
    (CODE, {"headers": {"a": "b"}}, "headers", "belongs to api_url"),
    (CODE, {"params": {}}, "params", "belongs to api_url"),
    (CODE, {"data": None}, "data", "belongs to api_url"),
    (CODE, {"raw_body": "eA=="}, "raw_body", "belongs to api_url"),
    (CODE, {"expected_status": [200]}, "expected_status", "belongs to api_url"),
    (HTTP, {"function_name": "f"}, "function_name", "belongs to function_code"),
    (HTTP, {"task_args": [1]}, "task_args", "belongs to function_code"),
    (HTTP, {"task_kwargs": {}}, "task_kwargs", "belongs to function_code"),
    (HTTP, {"api_url": ""}, "api_url", ""),
    (HTTP, {"api_url": "ftp://example.com"}, "api_url", ""),
    (HTTP, {"api_url": "https://u:p@example.com"}, "api_url", ""),
    (HTTP, {"api_url": "https://example.com/" + "x" * 2048}, "api_url", "at most 2048 are allowed"),
    (HTTP, {"method": "TRACE"}, "method", "'TRACE' is not one of GET"),
    (HTTP, {"headers": {"Host": "x"}}, "headers", "set by the service"),
    (HTTP, {"headers": {"X": "a\r\nb"}}, "headers", "control character"),
    (HTTP, {"params": {"a": {}}}, "params", "must be text"),
    (HTTP, {"expected_status": [200, 199]}, "expected_status[1]", "must be from 200 to 599, not 199"),
    (HTTP, {"expected_status": [600]}, "expected_status[0]", "not 600"),
    (HTTP, {"expected_status": [200] * 401}, "expected_status", "at most 400, not 401"),
    (HTTP, {"data": 1, "raw_body": "eA=="}, "raw_body", "not both"),
    (HTTP, {"data": "x" * 262_143}, "data", "at most 262,144 bytes, not 262,145"),
    ({"name": "t"}, {}, "function_code", "give what to run"),
    ({"name": "t"}, {"celery_task": {"app": "a", "task_name": "b"}}, "celery_task", "not served yet"),
    (CODE, {"delay_seconds": -0.1}, "delay_seconds", "must be from 0"),
    (CODE, {"delay_seconds": 315_576_001}, "delay_seconds", "to 315,576,000"),
    (CODE, {"delay_seconds": "NaN"}, "delay_seconds", "not nan"),
    (CODE, {"time_zone": "UTC"}, "time_zone", "belongs to cron_expression"),
    (CODE, {"start_at": "2027-01-01T00:00:00Z"}, "start_at", "belongs to cron_expression"),
    (CODE, {"end_at": "2027-01-01T00:00:00Z"}, "end_at", "belongs to cron_expression"),
    (CODE, {"max_runs": 1}, "max_runs", "belongs to cron_expression"),
    (CODE, {"task_type": "delayed"}, "task_type", "has no schedule, which makes it 'immediate'"),
    (CODE, {"task_type": "IMMEDIATE"}, "task_type", "must be one of immediate, delayed, scheduled"),
    (CODE, {"task_type": "immediate", "delay_seconds": 1}, "task_type", "which makes it 'delayed'"),
    (CRON, {"task_type": "delayed"}, "task_type", "which makes it 'scheduled'"),
    (CRON, {"cron_expression": ""}, "cron_expression", "5 fields"),
    (CRON, {"cron_expression": "every day"}, "cron_expression", "5 fields"),
    (CRON, {"cron_expression": "60 * * * *"}, "cron_expression", "is no cron expression"),
    (CRON, {"cron_expression": "0 0 30 2 *"}, "cron_expression", "never fires"),
    (CRON, {"cron_expression": "1," * 300 + "1 * * * *"}, "cron_expression", "at most 500 characters"),
    (CRON, {"time_zone": "Mars"}, "time_zone", "unknown time zone 'Mars'"),
    (CRON, {"start_at": "2027-01-02T00:00:00Z", "end_at": "2027-01-01T00:00:00Z"}, "end_at", "must not be before start_at"),
    (CRON, {"end_at": "2026-01-01T12:00:00Z"}, "end_at", "at least one firing"),
    (CRON, {"start_at": "9999-12-31T00:00:00Z"}, "start_at", "at least one firing"),
    (CRON, {"max_runs": -1}, "max_runs", "must not be negative"),
    (CRON, {"misfire_policy": 9}, "misfire_policy", "must be one of SKIP, FIRE_ONCE, FIRE_ALL, or left out; not 9"),
    (CRON, {"overlap_policy": -1}, "overlap_policy", "one of ALLOW, SKIP_NEW, QUEUE_ONE, CANCEL_RUNNING, or left out; not -1"),
    (CRON, {"jitter_seconds": 86_400.5}, "jitter_seconds", "must be from 0 to 86,400"),
    (CRON, {"jitter_seconds": -1}, "jitter_seconds", "must be from 0"),
    (CRON, {"jitter_seconds": "NaN"}, "jitter_seconds", "not nan"),
    (CRON, {"misfire_window_seconds": 2_592_001}, "misfire_window_seconds", "must be from 0 to 2,592,000"),
    (CRON, {"misfire_window_seconds": "Infinity"}, "misfire_window_seconds", "not inf"),
    (CODE, {"misfire_policy": "SKIP"}, "misfire_policy", "belongs to cron_expression"),
    (CODE, {"overlap_policy": "ALLOW"}, "overlap_policy", "belongs to cron_expression"),
    (CODE | {"delay_seconds": 1}, {"jitter_seconds": 1}, "jitter_seconds", "belongs to cron_expression"),
    (CODE, {"misfire_window_seconds": 1}, "misfire_window_seconds", "belongs to cron_expression"),
]  # fmt: skip


@pytest.mark.parametrize(("fine", "change", "field", "said"), RULES)
def test_a_rule_that_is_broken_is_told_once_with_its_field(
    fine: dict[str, Any], change: dict[str, Any], field: str, said: str
) -> None:
    ((found, description),) = violations(fine | change)
    assert found == f"task.{field}"
    assert said in description


@pytest.mark.parametrize("fine", [CODE, HTTP, CRON])
def test_what_the_rules_start_from_is_fine(fine: dict[str, Any]) -> None:
    assert validate(fine).name == "t"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_at", 253_402_300_800),
        ("run_at", -62_135_596_801),
        ("start_at", 253_402_300_800),
        ("end_at", -62_135_596_801),
    ],
)
def test_a_time_out_of_the_calendar_is_refused(field: str, value: int) -> None:
    task = json_format.ParseDict(CODE if field == "run_at" else CRON, task_pb2.Task())
    getattr(task, field).seconds = value
    assert violations(task) == [(f"task.{field}", "must be a time in the years 1 to 9999")]


def test_parts_of_a_second_beyond_one_are_refused() -> None:
    task = json_format.ParseDict(CODE, task_pb2.Task())
    task.run_at.nanos = 1_000_000_000
    assert [field for field, _ in violations(task)] == ["task.run_at"]


@pytest.mark.parametrize("field", ["task_args", "task_kwargs", "params", "data", "metadata"])
def test_what_is_no_json_number_is_refused(field: str) -> None:
    task = json_format.ParseDict(HTTP if field in ("params", "data") else CODE, task_pb2.Task())
    bad = struct_pb2.Value(number_value=math.nan)
    match field:
        case "data":
            task.data.CopyFrom(bad)
        case "task_args":
            task.task_args.values.append(bad)
        case _:
            getattr(task, field).fields["a"].CopyFrom(bad)
    assert violations(task) == [(f"task.{field}", "NaN and infinity are not JSON numbers")]


@pytest.mark.parametrize("field", ["task_args", "task_kwargs", "metadata"])
def test_what_is_nested_too_deep_is_refused(field: str) -> None:
    deep: Any = {"a": 1}
    for _ in range(30):
        deep = {"a": deep}
    assert violations(CODE | {field: [deep] if field == "task_args" else deep}) == [
        (f"task.{field}", "must not be nested more than 30 deep")
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    def check(source: str, name: str) -> Sequence[Finding]:
        return [Finding(3, "no imports"), Finding(0, "too deep")]

    task = CRON | {"name": "", "queue": "?", "time_zone": "Mars", "cron_expression": "x", "timeout": -1, "method": "GET",
                   "function_name": "1f", "priority": 3, "max_runs": -1, "task_type": "odd"}  # fmt: skip
    fields = [field.removeprefix("task.") for field, _ in violations(task, check)]
    assert sorted(fields) == sorted(
        ["name", "queue", "time_zone", "cron_expression", "timeout", "method", "function_name", "priority", "max_runs",
         "function_code", "function_code"]
    )  # fmt: skip


def test_an_empty_message_lacks_a_name_and_something_to_run() -> None:
    assert [field for field, _ in violations({})] == ["task.name", "task.function_code"]


def test_findings_in_code_name_their_line() -> None:
    found = violations(CODE, lambda source, name: [Finding(3, "no imports"), Finding(0, "too deep")])
    assert found == [("task.function_code", "line 3: no imports"), ("task.function_code", "too deep")]


@pytest.mark.parametrize("change", [{"function_code": ""}, {"function_name": ""}, {"function_code": "x" * 262_145}])
def test_code_that_is_refused_already_is_not_checked(change: dict[str, Any]) -> None:
    def check(source: str, name: str) -> Sequence[Finding]:
        pytest.fail("checked")

    assert len(violations(CODE | change, check)) == 1


def test_the_path_is_that_of_the_request() -> None:
    assert violations({}, path="requests[3].task")[0][0] == "requests[3].task.name"


@pytest.mark.parametrize("task", [CODE, CODE | {"delay_seconds": 1}])
def test_a_scheduled_task_needs_a_cron_expression(task: dict[str, Any]) -> None:
    assert violations(task, needs_cron=True) == [("task.cron_expression", "is required for a scheduled task")]
    assert validate(CRON, needs_cron=True).task_type is TaskType.SCHEDULED


def test_a_code_task_becomes_its_definition() -> None:
    definition = validate(
        CODE | {"task_args": [1, 2.5, "x", None], "task_kwargs": {"a": [True]}, "timeout": 7, "queue": "q-1.x_y", "module": "m",
                "metadata": {"k": "世" * 20_000}, "delay_seconds": 1.5, "task_type": "delayed"}
    )  # fmt: skip
    assert definition == TaskDefinition(
        name="t",
        action=CodeAction(
            function_code=CODE["function_code"], function_name="f", args=[1, 2.5, "x", None], kwargs={"a": [True]}
        ),
        schedule=Schedule(delay_seconds=1.5),
        timeout=7.0,
        queue="q-1.x_y",
        module="m",
        metadata={"k": "世" * 20_000},
    )


def test_an_api_task_becomes_its_definition() -> None:
    definition = validate(
        HTTP
        | {
            "method": "POST",
            "headers": {"X-A": "b"},
            "params": {"p": [1, "x"]},
            "data": {"a": None},
            "expected_status": [201],
        }
    )
    assert definition.action == HttpAction(
        url="https://example.com/x",
        method="POST",
        headers={"X-A": "b"},
        params={"p": [1, "x"]},
        data={"a": None},
        has_data=True,
        expected_status=(201,),
    )
    assert (definition.timeout, definition.queue, definition.task_type) == (300.0, "default", TaskType.IMMEDIATE)


def test_json_null_is_a_body_and_no_body_is_none() -> None:
    null, nothing = validate(HTTP | {"data": None}).action, validate(HTTP).action
    assert isinstance(null, HttpAction)
    assert isinstance(nothing, HttpAction)
    assert (null.data, null.has_data, nothing.has_data) == (None, True, False)


def test_a_cron_task_becomes_its_schedule() -> None:
    schedule = validate(
        CRON | {"time_zone": "Asia/Shanghai", "max_runs": 3, "start_at": "2027-01-01T00:00:00.5Z"}
    ).schedule
    assert schedule == Schedule(
        cron_expression="0 0 * * *",
        time_zone="Asia/Shanghai",
        max_runs=3,
        start_at=micros(datetime.fromisoformat("2027-01-01T00:00:00.5Z")),
    )


def test_policies_become_the_schedules_and_have_defaults() -> None:
    schedule = validate(CRON).schedule
    assert (schedule.misfire_policy, schedule.misfire_window_seconds) == (MisfirePolicy.FIRE_ONCE, 3600.0)
    assert (schedule.overlap_policy, schedule.jitter_seconds) == (OverlapPolicy.ALLOW, 0.0)
    unspecified = {"misfire_policy": "MISFIRE_POLICY_UNSPECIFIED", "overlap_policy": 0, "jitter_seconds": 0}
    assert validate(CRON | unspecified | {"misfire_window_seconds": 0}).schedule == schedule
    policies = {"misfire_policy": "FIRE_ALL", "misfire_window_seconds": 2_592_000, "overlap_policy": "CANCEL_RUNNING"}
    said = validate(CRON | policies | {"jitter_seconds": 86_400}).schedule
    assert (said.misfire_policy, said.misfire_window_seconds) == (MisfirePolicy.FIRE_ALL, 2_592_000)
    assert (said.overlap_policy, said.jitter_seconds) == (OverlapPolicy.CANCEL_RUNNING, 86_400)


def test_output_only_fields_are_ignored() -> None:
    given = {
        "task_id": "x",
        "status": "FAILURE",
        "run_count": 9,
        "etag": "3",
        "watch_token": "w",
        "created_by": {"id": "z"},
    }
    assert validate(CODE | given) == validate(CODE)


def test_a_time_in_the_past_means_now() -> None:
    assert validate(CODE | {"run_at": "1990-01-01T00:00:00Z"}).schedule.due_at(NOW) == NOW
