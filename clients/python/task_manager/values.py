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

# Each value is asked for its type, and a tuple answers sooner than a union.
_NUMBERS, _ARRAYS = (int, float), (list, tuple)


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
    message = Value()
    fill_value(message, value, path)
    return message


def to_struct(value: object, path: str = "value") -> Struct:
    """`value` as a JSON object. Raises as `to_value` does."""
    message = Struct()
    fill_struct(message, value, path)
    return message


def to_list(value: object, path: str = "value") -> ListValue:
    """`value` as a JSON array. Raises as `to_value` does."""
    message = ListValue()
    fill_list(message, value, path)
    return message


# Filling a message where it stands, down to its last part, takes a third of the time of making the parts and putting them in.


def fill_value(message: Value, value: object, path: str = "value") -> None:
    """Says `value` in an empty message. Raises as `to_value` does."""
    if isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = NullValue.NULL_VALUE
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, _NUMBERS):
        message.number_value = _number(value, path)
    elif isinstance(value, _ARRAYS):
        array = message.list_value
        array.SetInParent()
        fill_list(array, value, path)
    elif isinstance(value, Mapping):
        members = message.struct_value
        members.SetInParent()
        fill_struct(members, value, path)
    else:
        error = f"{path}: {type(value).__name__} is no JSON; give None, bool, int, float, str, list or dict"
        raise TypeError(error)


def fill_struct(message: Struct, value: object, path: str = "value") -> None:
    """Says `value` in an empty message. Raises as `to_value` does."""
    if not isinstance(value, Mapping):
        error = f"{path}: {type(value).__name__} is no mapping of names to values"
        raise TypeError(error)
    fields = message.fields
    for key, each in value.items():
        if not isinstance(key, str):
            error = f"{path}: the key {key!r} is no string, and JSON knows no other keys"
            raise TypeError(error)
        fill_value(fields[key], each, f"{path}.{key}")


def fill_list(message: ListValue, value: object, path: str = "value") -> None:
    """Says `value` in an empty message. Raises as `to_value` does."""
    if not isinstance(value, _ARRAYS):
        error = f"{path}: {type(value).__name__} is no list or tuple"
        raise TypeError(error)
    add = message.values.add
    for index, each in enumerate(value):
        fill_value(add(), each, f"{path}[{index}]")


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
