"""JSON values to the messages of google/protobuf that have a JSON form of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from task_server.gateway.json_text import JsonValue, RepeatedKey
from task_server.gateway.moments import parse_duration, parse_timestamp

_MASK_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*")
_UPPER = re.compile(r"[A-Z]")


def parse_mask(text: str) -> FieldMask:
    """Reads the JSON form of a FieldMask: lowerCamelCase paths between commas. Raises ValueError if it is none."""
    paths = text.strip().split(",") if text.strip() else []
    for path in paths:
        if not _MASK_PATH.fullmatch(path):
            reason = f"{path[:100]!r} is no field path in lowerCamelCase"
            raise ValueError(reason)
    return FieldMask(paths=[_UPPER.sub(lambda letter: "_" + letter[0].lower(), path) for path in paths])


FROM_TEXT: dict[str, Callable[[str], Message]] = {
    "google.protobuf.Timestamp": lambda text: parse_timestamp(text, digits=9),
    "google.protobuf.Duration": parse_duration,
    "google.protobuf.FieldMask": parse_mask,
}
"""Messages whose JSON is one string, to what reads it (and raises ValueError)."""


def fill_struct(value: JsonValue, message: Struct, room: int) -> None:
    """Fills a Struct, with `room` messages left below it. Raises ValueError if the value is no object or nested too deep."""
    if not isinstance(value, dict):
        reason = "an object is expected"
        raise ValueError(reason)
    if isinstance(value, RepeatedKey):
        reason = f"the key {value.key[:100]!r} is given twice"
        raise ValueError(reason)
    for key, member in value.items():
        # An entry of the map is a message of its own on the wire.
        fill_value(member, message.fields[key], room - 2)


def fill_list(value: JsonValue, message: ListValue, room: int) -> None:
    """Fills a ListValue, with `room` messages left below it. Raises ValueError if the value is no list or nested too deep."""
    if not isinstance(value, list):
        reason = "a list is expected"
        raise ValueError(reason)
    for member in value:
        fill_value(member, message.values.add(), room - 1)


def fill_value(value: JsonValue, message: Value, room: int) -> None:
    """Fills a Value, with `room` messages left below it. Raises ValueError if a number is too large or it is nested too deep."""
    if room < 0 or (room == 0 and isinstance(value, dict | list)):
        reason = "nested too deep"
        raise ValueError(reason)
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.bool_value = value
    elif value is None:
        message.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, dict):
        message.struct_value.SetInParent()
        fill_struct(value, message.struct_value, room - 1)
    elif isinstance(value, list):
        message.list_value.SetInParent()
        fill_list(value, message.list_value, room - 1)
    else:
        message.number_value = _finite(value)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        reason = "a number is out of range"
        raise ValueError(reason)
    return number
