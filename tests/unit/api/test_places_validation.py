"""What a task may say of the places that its executions need."""

from __future__ import annotations

from typing import Any

import pytest

from task_manager.v1 import task_pb2
from task_server.api.validation.places import validate_places
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields
from task_server.domain.places import Places, StartRate, read_queue_limits

RATE = task_pb2.StartRate(count=2, seconds=0.5)


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({}, Places()),
        ({"concurrency_key": "k"}, Places(1)),
        ({"concurrency_key": "k", "max_concurrent": 7}, Places(7)),
        ({"concurrency_key": "客户 7", "start_rate": RATE}, Places(1, StartRate(2, 0.5))),
    ],
)
def test_a_key_has_one_place_unless_it_says_otherwise(fields: dict[str, Any], places: Places) -> None:
    violations = Violations()
    assert validate_places(task_pb2.Task(**fields), "task", violations) == places
    violations.raise_any()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"max_concurrent": 1}, ["task.max_concurrent"]),
        ({"start_rate": RATE}, ["task.start_rate"]),
        ({"concurrency_key": "k", "max_concurrent": -1}, ["task.max_concurrent"]),
        ({"concurrency_key": "k", "max_concurrent": 1_000_001}, ["task.max_concurrent"]),
        ({"concurrency_key": "x" * 201}, ["task.concurrency_key"]),
        ({"concurrency_key": "a\nb"}, ["task.concurrency_key"]),
        (
            {"concurrency_key": "k", "start_rate": task_pb2.StartRate()},
            ["task.start_rate.count", "task.start_rate.seconds"],
        ),
        ({"concurrency_key": "k", "start_rate": task_pb2.StartRate(count=1, seconds=-1)}, ["task.start_rate.seconds"]),
        (
            {"concurrency_key": "k", "start_rate": task_pb2.StartRate(count=1, seconds=float("nan"))},
            ["task.start_rate.seconds"],
        ),
        (
            {"concurrency_key": "k", "start_rate": task_pb2.StartRate(count=-1, seconds=86_401)},
            ["task.start_rate.count", "task.start_rate.seconds"],
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], wrong: list[str]) -> None:
    violations = Violations()
    validate_places(task_pb2.Task(**fields), "task", violations)
    with pytest.raises(InvalidFields) as caught:
        violations.raise_any()
    assert [violation.field for violation in caught.value.violations] == wrong


def test_the_limits_of_queues_are_read() -> None:
    assert read_queue_limits(["a=concurrency:4+rate:100/60", "b-1=rate:5/1", "c=concurrency:1"]) == {
        "a": Places(4, StartRate(100, 60.0)),
        "b-1": Places(0, StartRate(5, 1.0)),
        "c": Places(1),
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a=", "a=4", "=concurrency:1", "a=concurrency:0", "a=rate:1/0", "a=rate:1", "a=concurrency:1+"),
        *(
            "a b=rate:1/1",
            "a=concurrency:1+concurrency:2",
            "a=concurrency:-1",
            "a=concurrency:1.5",
            "a=rate:1/1+rate:1/1",
        ),
    ],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as reports=concurrency"):
        read_queue_limits([text])
    with pytest.raises(ValueError, match="or a second one"):
        read_queue_limits(["x=rate:1/1", "x=concurrency:1"])
