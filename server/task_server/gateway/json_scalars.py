"""JSON values to scalars, by the rules of protobuf-go's protojson (encoding/protojson/decode.go)."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from task_server.gateway.field_text import INTEGER_BOUNDS, MAX_FLOAT32, parse_base64, parse_integer
from task_server.gateway.json_text import JsonValue
from task_server.gateway.schema import enum_number, enum_type

Scalar = bool | int | float | str | bytes

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 400


class _UnknownEnum(int):
    """The type of UNKNOWN_ENUM."""


UNKNOWN_ENUM: Final = _UnknownEnum()
"""An enum name that is not known, where those are ignored."""


def read_scalar(field: FieldDescriptor, value: JsonValue, *, ignore_unknown: bool) -> Scalar:
    """Reads one value of a field that is no message; of a repeated one, one element.

    Raises:
        ValueError: the value is of another type, or out of range.
    """
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        if isinstance(value, str):
            return value
        reason = "a string is expected"
    elif kind == FieldDescriptor.TYPE_BOOL:
        if isinstance(value, bool):
            return value
        reason = "true or false is expected"
    elif kind == FieldDescriptor.TYPE_ENUM:
        return _enum(enum_type(field), value, ignore_unknown=ignore_unknown)
    elif kind == FieldDescriptor.TYPE_BYTES:
        if isinstance(value, str):
            return parse_base64(value)
        reason = "base64 in a string is expected"
    elif kind in INTEGER_BOUNDS:
        return _integer(value, *INTEGER_BOUNDS[kind])
    else:
        return _float(value, single=kind == FieldDescriptor.TYPE_FLOAT)
    raise ValueError(reason)


def read_map_key(field: FieldDescriptor, name: str) -> str | int | bool:
    """Reads the key of a map entry. Raises ValueError if the key's type does not have it."""
    if field.type == FieldDescriptor.TYPE_STRING:
        name.encode()
        return name
    if field.type == FieldDescriptor.TYPE_BOOL:
        if name in {"true", "false"}:
            return name == "true"
        reason = "the key is neither true nor false"
        raise ValueError(reason)
    return parse_integer(name, *INTEGER_BOUNDS[field.type])


def _number(value: JsonValue) -> int | float | Decimal:
    """A JSON number, or a string that holds one and nothing else."""
    if isinstance(value, str):
        if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
            return Decimal(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return value
    reason = "a number is expected"
    raise ValueError(reason)


def _integer(value: JsonValue, low: int, high: int) -> int:
    number = _number(value)
    if not low <= number <= high:
        reason = f"an integer from {low} to {high} is expected"
        raise ValueError(reason)
    integer = int(number)
    if integer != number:
        reason = "an integer is expected"
        raise ValueError(reason)
    return integer


def _float(value: JsonValue, *, single: bool) -> float:
    if value == "NaN":
        return math.nan
    if value == "Infinity":
        return math.inf
    if value == "-Infinity":
        return -math.inf
    try:
        number = float(_number(value))
    except OverflowError:
        number = math.inf
    if math.isinf(number) or (single and abs(number) >= MAX_FLOAT32):
        reason = "the number is out of range"
        raise ValueError(reason)
    return number


def _enum(descriptor: EnumDescriptor, value: JsonValue, *, ignore_unknown: bool) -> int:
    if value is None and descriptor.full_name == "google.protobuf.NullValue":
        return 0
    if isinstance(value, str):
        number = enum_number(descriptor, value)
        if number is not None:
            return number
        if ignore_unknown:
            return UNKNOWN_ENUM
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _integer(value, -(2**31), 2**31 - 1)
    reason = f"one of {', '.join(named.name for named in descriptor.values)} is expected"
    raise ValueError(reason)
