"""JSON values and times, between protobuf and Python."""

from __future__ import annotations

import json
import math
from typing import Any

from google.protobuf import struct_pb2, timestamp_pb2

from task_server.domain.clock import Micros

#: Beyond this a double, which is all that protobuf's JSON numbers are, does not hold every integer.
_EXACT = 2**53
#: How deep lists and dicts may be nested. Protobuf reads 100 messages deep; a dict takes three of them, and an answer that holds
#: one value that is deeper could be read by nobody.
MAX_DEPTH = 30


def from_value(value: struct_pb2.Value, depth: int = 0) -> Any:
    """The Python value, `depth` levels within another. A number without a fraction becomes an int.

    Raises ValueError for NaN and infinity, and where it is nested too deep.
    """
    kind = value.WhichOneof("kind")
    match kind:
        case "number_value":
            return _number(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return from_struct(value.struct_value, depth)
        case "list_value":
            return from_list(value.list_value, depth)
        case _:
            return None


def from_struct(value: struct_pb2.Struct, depth: int = 0) -> dict[str, Any]:
    """The Python dict. Raises ValueError as `from_value`."""
    _check_depth(depth)
    return {key: from_value(item, depth + 1) for key, item in value.fields.items()}


def from_list(value: struct_pb2.ListValue, depth: int = 0) -> list[Any]:
    """The Python list. Raises ValueError as `from_value`."""
    _check_depth(depth)
    return [from_value(item, depth + 1) for item in value.values]


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        message = f"must not be nested more than {MAX_DEPTH} deep"
        raise ValueError(message)


def _number(number: float) -> float | int:
    if not math.isfinite(number):
        message = "NaN and infinity are not JSON numbers"
        raise ValueError(message)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def to_value(value: Any) -> struct_pb2.Value:
    """The protobuf value. Integers that a double can not hold become decimal strings."""
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() if abs(value) > _EXACT:
            return struct_pb2.Value(string_value=str(value))
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case dict():
            return struct_pb2.Value(struct_value=to_struct(value))
        case _:
            return struct_pb2.Value(list_value=to_list(value))


def to_struct(value: dict[str, Any]) -> struct_pb2.Struct:
    """The protobuf struct."""
    return struct_pb2.Struct(fields={key: to_value(item) for key, item in value.items()})


def to_list(value: list[Any]) -> struct_pb2.ListValue:
    """The protobuf list."""
    return struct_pb2.ListValue(values=[to_value(item) for item in value])


def json_value(text: str) -> struct_pb2.Value:
    """The protobuf value of a JSON text that this service wrote."""
    return to_value(json.loads(text))


def timestamp(value: Micros | None) -> timestamp_pb2.Timestamp | None:
    """The protobuf time; None stays None, which leaves a field unset."""
    if value is None:
        return None
    result = timestamp_pb2.Timestamp()
    result.FromMicroseconds(value)
    return result
