"""Between plain Python values and the JSON and time values of protobuf."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, overload

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can say."""

# RFC 8259, section 6: beyond this, JSON numbers (doubles) no longer tell neighbouring integers apart.
LARGEST_INTEGER = 2**53


@overload
def to_python(value: Struct) -> dict[str, Any]: ...
@overload
def to_python(value: ListValue) -> list[Any]: ...
@overload
def to_python(value: Value) -> Any: ...
def to_python(value: Struct | ListValue | Value) -> Any:
    """`value` as plain Python: None, bool, int, float, str, list, dict.

    A number without a fraction is an int, as the service hands it to user code too. Integers that the service sent as
    decimal strings, because they are beyond 2^53, stay strings. An unset `Value` is None.
    """
    if isinstance(value, Struct):
        return {key: to_python(each) for key, each in value.fields.items()}
    if isinstance(value, ListValue):
        return [to_python(each) for each in value.values]
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= LARGEST_INTEGER else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return to_python(value.list_value)
        case "struct_value":
            return to_python(value.struct_value)
        case _:
            return None


def to_value(value: object, path: str = "value") -> Value:
    """`value` as protobuf JSON. `path` names it in errors.

    Raises:
        TypeError: it, or something in it, is no JSON.
        ValueError: a number in it is NaN, infinite, or an integer beyond 2^53, which would arrive as another one.
    """
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=_number(value, path))
        case str():
            return Value(string_value=value)
        case Mapping():
            return Value(struct_value=to_struct(value, path))
        case list() | tuple():
            return Value(list_value=to_list(value, path))
        case _:
            message = f"{path}: {type(value).__name__} is no JSON; give None, bool, int, float, str, list or dict"
            raise TypeError(message)


def to_struct(value: object, path: str = "value") -> Struct:
    """`value` as a JSON object. Raises as `to_value` does."""
    if not isinstance(value, Mapping):
        message = f"{path}: {type(value).__name__} is no mapping of names to values"
        raise TypeError(message)
    for key in value:
        if not isinstance(key, str):
            message = f"{path}: the key {key!r} is no string, and JSON knows no other keys"
            raise TypeError(message)
    return Struct(fields={key: to_value(each, f"{path}.{key}") for key, each in value.items()})


def to_list(value: object, path: str = "value") -> ListValue:
    """`value` as a JSON array. Raises as `to_value` does."""
    if not isinstance(value, list | tuple):
        message = f"{path}: {type(value).__name__} is no list or tuple"
        raise TypeError(message)
    return ListValue(values=[to_value(each, f"{path}[{index}]") for index, each in enumerate(value)])


def to_timestamp(value: object, path: str = "value") -> Timestamp:
    """`value` as a point in time.

    Raises:
        TypeError: it is no datetime.
        ValueError: it has no time zone, so it says no point in time.
    """
    if not isinstance(value, datetime):
        message = f"{path}: {type(value).__name__} is no datetime"
        raise TypeError(message)
    if value.utcoffset() is None:
        message = f"{path}: {value.isoformat()} has no time zone; give it one, as datetime.now(UTC) has"
        raise ValueError(message)
    timestamp = Timestamp()
    timestamp.FromDatetime(value)
    return timestamp


def _number(value: float, path: str) -> float:
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            message = f"{path}: {value} is beyond 2^53 and would arrive as another number; send it as a string"
            raise ValueError(message)
    elif not math.isfinite(value):
        message = f"{path}: {value} is no JSON number"
        raise ValueError(message)
    return float(value)
