"""JSON values between protobuf and Python: what goes in comes out."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from task_manager.v1 import execution_pb2, task_pb2, task_service_pb2
from task_server.api.values import (
    MAX_DEPTH,
    from_list,
    from_struct,
    from_value,
    json_value,
    timestamp,
    to_list,
    to_struct,
    to_value,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**53), 2**53)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def over_the_wire(value: struct_pb2.Value) -> struct_pb2.Value:
    return struct_pb2.Value.FromString(value.SerializeToString())


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert from_value(over_the_wire(to_value(value))) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_a_dict_comes_back_as_it_was(value: dict[str, Any]) -> None:
    assert from_struct(to_struct(value)) == value


@given(st.lists(VALUES, max_size=4))
def test_a_list_comes_back_as_it_was(value: list[Any]) -> None:
    assert from_list(to_list(value)) == value


@given(VALUES)
def test_json_text_becomes_the_value_that_it_stands_for(value: Any) -> None:
    assert from_value(json_value(json.dumps(value))) == value


@given(INTEGERS)
def test_a_number_without_a_fraction_is_an_integer(number: int) -> None:
    found = from_value(struct_pb2.Value(number_value=float(number)))
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize("number", [0.5, -1e-300, 1e300, 2.0**53 + 2])
def test_other_numbers_stay_floats(number: float) -> None:
    found = from_value(struct_pb2.Value(number_value=number))
    assert found == number
    assert type(found) is float


def test_booleans_are_no_numbers() -> None:
    assert from_value(to_value(True)) is True
    assert from_value(to_value([1, True, 0, False])) == [1, True, 0, False]
    assert [type(item) for item in from_value(to_value([1, True]))] == [int, bool]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**30])
def test_integers_that_a_double_can_not_hold_become_texts(number: int) -> None:
    assert from_value(to_value(number)) == str(number)
    assert from_value(json_value(f"[{number}]")) == [str(number)]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_number_is_refused_wherever_it_stands(number: float) -> None:
    bad = struct_pb2.Value(number_value=number)
    for value in (bad, struct_pb2.Value(list_value=struct_pb2.ListValue(values=[bad]))):
        with pytest.raises(ValueError, match="not JSON numbers"):
            from_value(value)
    with pytest.raises(ValueError, match="not JSON numbers"):
        from_struct(struct_pb2.Struct(fields={"a": bad}))


def nested(depth: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_a_value_may_be_as_deep_as_every_answer_that_holds_it_can_be_read(kind: type) -> None:
    deep = nested(MAX_DEPTH, kind)
    assert from_value(to_value(deep)) == deep
    execution = execution_pb2.TaskExecution(result=to_value(deep), metadata=to_struct(nested(MAX_DEPTH, dict)))
    answer = task_service_pb2.ListTasksResponse(tasks=[task_pb2.Task(last_execution=execution)])
    assert task_service_pb2.ListTasksResponse.FromString(answer.SerializeToString()) == answer
    with pytest.raises(ValueError, match="not be nested more than 30 deep"):
        from_value(to_value(nested(MAX_DEPTH + 1, kind)))


def test_a_value_of_no_kind_is_null() -> None:
    assert from_value(struct_pb2.Value()) is None
    assert to_value(None).WhichOneof("kind") == "null_value"


@pytest.mark.parametrize("micros", [0, 1, 1_767_225_600_000_000, -62_135_596_800_000_000, 253_402_300_799_999_999, -1])
def test_a_time_keeps_its_microseconds(micros: int) -> None:
    found = timestamp(micros)
    assert found is not None
    assert found.ToMicroseconds() == micros


def test_no_time_is_no_time() -> None:
    assert timestamp(None) is None
