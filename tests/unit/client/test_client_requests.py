from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct, Value

from task_manager import requests, to_python
from task_manager.v1.execution_service_pb2 import ListExecutionsRequest
from task_manager.v1.task_pb2 import CeleryTask, ResponseAssertion, RetryPolicy, Task
from task_manager.values import to_struct, to_value


def create(**fields: Any) -> Task:
    return requests.create_task("n", fields).task  # type: ignore[arg-type]


def test_the_fields_of_a_creation_are_those_of_the_task_that_callers_may_set() -> None:
    # Given the contract's word on each field, in its options (google.api.field_behavior, OUTPUT_ONLY = 3)
    from google.api.field_behavior_pb2 import field_behavior

    settable = {
        field.name for field in Task.DESCRIPTOR.fields if 3 not in field.GetOptions().Extensions[field_behavior]
    }
    # `etag` is for UpdateTask; `name` is an argument of its own.
    assert set(requests.TaskFields.__annotations__) == settable - {"etag", "name"}


def test_a_code_task_carries_plain_python_arguments() -> None:
    task = create(
        function_code="def f(a, *, b): ...",
        function_name="f",
        task_args=(1, 2.5, None, [True, "x"]),
        task_kwargs={"b": {"c": 3}},
        metadata={"k": "v"},
        timeout=5,
        queue="q",
        module="m",
        retry_policy=RetryPolicy(max_retries=2),
        misfire_policy="FIRE_ALL",
    )
    assert to_python(task.task_args) == [1, 2.5, None, [True, "x"]]
    assert to_python(task.task_kwargs) == {"b": {"c": 3}}
    assert to_python(task.metadata) == {"k": "v"}
    assert (task.timeout, task.queue, task.module, task.retry_policy.max_retries) == (5.0, "q", "m", 2)
    assert task.misfire_policy == Task.FIRE_ALL


def test_an_api_task_carries_its_request() -> None:
    task = create(
        api_url="https://example.com/",
        method="POST",
        headers={"X-A": "b"},
        params={"q": [1, 2]},
        data={"a": 1},
        expected_status=[200, 202],
        response_assertions=[ResponseAssertion(json_path="$.ok", equals=Value(bool_value=True))],
    )
    assert dict(task.headers) == {"X-A": "b"}
    assert to_python(task.params) == {"q": [1, 2]}
    assert to_python(task.data) == {"a": 1}
    assert list(task.expected_status) == [200, 202]
    assert [(each.json_path, each.equals.bool_value) for each in task.response_assertions] == [("$.ok", True)]


def test_none_means_left_out_but_in_data_where_it_is_json() -> None:
    assert create(module=None, run_at=None, raw_body=None, celery_task=None) == Task(name="n")
    assert create(data=None).HasField("data")
    assert create(data=None).data.WhichOneof("kind") == "null_value"


def test_zero_seconds_of_delay_is_a_schedule() -> None:
    assert create(delay_seconds=0).WhichOneof("schedule") == "delay_seconds"


def test_times_keep_their_instant() -> None:
    run_at = datetime(2026, 1, 31, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    assert create(run_at=run_at).run_at.ToDatetime(tzinfo=UTC) == run_at


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"function_code": "x", "api_url": "y"}, ValueError, "function_code and api_url exclude one another"),
        ({"celery_task": CeleryTask(), "api_url": "y"}, ValueError, "celery_task and api_url exclude one another"),
        ({"delay_seconds": 0, "cron_expression": "x"}, ValueError, "delay_seconds and cron_expression exclude"),
        ({"run_at": datetime(2026, 1, 1)}, ValueError, "run_at: .* has no time zone"),  # noqa: DTZ001 - it is the point
        ({"run_at": "2026-01-01"}, TypeError, "run_at: str is no datetime"),
        ({"task_args": "abc"}, TypeError, "task_args: str is no list"),
        ({"task_args": [{1}]}, TypeError, r"task_args\[0\]: set is no JSON"),
        ({"task_kwargs": {"a": [0, float("nan")]}}, ValueError, r"task_kwargs\.a\[1\]: nan is no JSON number"),
        ({"task_args": [2**53 + 1]}, ValueError, r"task_args\[0\]: 9007199254740993 is beyond 2\^53"),
        ({"metadata": {1: "x"}}, TypeError, "metadata: the key 1 is no string"),
        ({"timeout": "soon"}, TypeError, "timeout: "),
        ({"misfire_policy": "NEVER"}, ValueError, "misfire_policy: .*NEVER"),
        ({"function": "x"}, TypeError, "'function' is none of api_url, "),
        ({"task_id": "x"}, TypeError, "'task_id' is none of api_url, "),
    ],
)
def test_what_can_not_be_sent_is_refused_with_its_name(fields: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        create(**fields)


def test_a_day_needs_no_zone_and_a_time_does() -> None:
    with pytest.raises(ValueError, match=r"start_date: .* has no time zone"):
        requests.fill(
            ListExecutionsRequest(),
            {"start_date": datetime(2026, 1, 1)},  # noqa: DTZ001 - it is the point
            requests.ExecutionFields,
        )


def test_an_update_names_in_its_mask_what_is_given_and_what_is_cleared() -> None:
    request = requests.update_task(
        "t1", {"timeout": 0, "data": None, "name": "n", "module": None}, etag="3", clear=["queue", "metadata.k"]
    )
    assert list(request.update_mask.paths) == ["timeout", "data", "name", "queue", "metadata.k"]
    assert request.task == Task(task_id="t1", etag="3", name="n", data=Value(null_value=0))


@pytest.mark.parametrize(
    ("fields", "clear", "words"),
    [
        ({}, [], "give a field to change, or name one to clear"),
        ({"module": None}, [], "give a field to change"),
        ({"module": "m", "name": "n"}, ["name", "module"], "module, name: give a value or clear it, not both"),
        ({"delay_seconds": 1, "cron_expression": "x"}, [], "delay_seconds and cron_expression exclude"),
    ],
)
def test_an_update_that_says_nothing_or_too_much_is_not_sent(fields: Any, clear: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        requests.update_task("t1", fields, etag="", clear=clear)


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (3.0, 3),
        (-2.5, -2.5),
        (2**53, 2**53),
        ("9007199254740993", "9007199254740993"),
        ([1, [2]], [1, [2]]),
        ({"a": {"b": []}}, {"a": {"b": []}}),
    ],
)
def test_values_come_back_as_plain_python(sent: Any, back: Any) -> None:
    value = to_python(to_value(sent))
    assert value == back
    assert type(value) is type(back)


def test_an_unset_value_is_none_and_a_huge_number_stays_a_float() -> None:
    assert to_python(Value()) is None
    assert to_python(Struct()) == {}
    assert type(to_python(Value(number_value=1e300))) is float
    assert to_python(to_struct({"a": 1})) == {"a": 1}
