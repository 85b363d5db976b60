"""One field value from the text of a path or a query, as the official gateway reads it (runtime/query.go, convert.go).

The rules are Go's, not JSON's: booleans as strconv.ParseBool, durations as time.ParseDuration, base64 of either alphabet.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from task_server.gateway.moments import parse_timestamp
from task_server.gateway.schema import descriptor_of, enum_number, enum_type, field_called, message_type

if TYPE_CHECKING:
    from task_server.gateway.json_reader import JsonReader

FieldValue = bool | int | float | str | bytes | Message

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_GO_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
MAX_FLOAT32 = 3.4028235677973366e38
"""The first number that rounds to no finite single-precision one."""

_SIGNED_32 = (-(2**31), 2**31 - 1)
_SIGNED_64 = (-(2**63), 2**63 - 1)
_UNSIGNED_32 = (0, 2**32 - 1)
_UNSIGNED_64 = (0, 2**64 - 1)

INTEGER_BOUNDS: dict[int, tuple[int, int]] = {
    FieldDescriptor.TYPE_INT32: _SIGNED_32,
    FieldDescriptor.TYPE_SINT32: _SIGNED_32,
    FieldDescriptor.TYPE_SFIXED32: _SIGNED_32,
    FieldDescriptor.TYPE_INT64: _SIGNED_64,
    FieldDescriptor.TYPE_SINT64: _SIGNED_64,
    FieldDescriptor.TYPE_SFIXED64: _SIGNED_64,
    FieldDescriptor.TYPE_UINT32: _UNSIGNED_32,
    FieldDescriptor.TYPE_FIXED32: _UNSIGNED_32,
    FieldDescriptor.TYPE_UINT64: _UNSIGNED_64,
    FieldDescriptor.TYPE_FIXED64: _UNSIGNED_64,
}
"""Field type to the smallest and the largest value it holds."""


def parse_bool(text: str) -> bool:
    """Reads what Go's strconv.ParseBool reads. Raises ValueError."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    reason = f"{text!r} is neither true nor false"
    raise ValueError(reason)


def parse_base64(text: str) -> bytes:
    """Reads base64 of either alphabet, padded or not. Raises ValueError."""
    standard = text.replace("-", "+").replace("_", "/") if "-" in text or "_" in text else text
    if standard is not text and ("+" in text or "/" in text):
        reason = "base64 of two alphabets at once"
        raise ValueError(reason)
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        reason = "not base64"
        raise ValueError(reason) from error


class FieldText:
    """Reads field values from text. `reader` reads the JSON text of Struct and Value."""

    def __init__(self, reader: JsonReader) -> None:
        self._reader = reader
        self._messages: dict[str, Callable[[str, Message], None]] = {
            "google.protobuf.Timestamp": lambda text, message: _set_timestamp(text, message),
            "google.protobuf.Duration": lambda text, message: _set_duration(text, message),
            "google.protobuf.FieldMask": lambda text, message: _set_mask(text, message),
            "google.protobuf.Empty": lambda text, _: _check_empty(text),
            "google.protobuf.Struct": self._set_json,
            "google.protobuf.Value": self._set_json,
            **{f"google.protobuf.{kind}Value": self._set_wrapper for kind in _WRAPPED},
        }

    def parse(self, field: FieldDescriptor, text: str) -> FieldValue:
        """Reads one value of a field; of a repeated one, one element.

        Raises:
            ValueError: the text is no such value, or the field's type can not stand in a query.
        """
        if field.type == FieldDescriptor.TYPE_STRING:
            return text
        if field.type == FieldDescriptor.TYPE_BOOL:
            return parse_bool(text)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return _enum(enum_type(field), text)
        if field.type in INTEGER_BOUNDS:
            return parse_integer(text, *INTEGER_BOUNDS[field.type])
        if field.type in {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}:
            return _float(text, single=field.type == FieldDescriptor.TYPE_FLOAT)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return parse_base64(text)
        return self._message(message_type(field), text)

    def _message(self, descriptor: Descriptor, text: str) -> Message:
        fill = self._messages.get(descriptor.full_name)
        if fill is None:
            reason = f"a {descriptor.full_name} can not be given as text"
            raise ValueError(reason)
        message: Message = GetMessageClass(descriptor)()
        fill(text, message)
        return message

    def _set_json(self, text: str, message: Message) -> None:
        violations = self._reader.read_text(text, message)
        if violations:
            raise ValueError(violations[0].description)

    def _set_wrapper(self, text: str, message: Message) -> None:
        setattr(message, "value", self.parse(field_called(descriptor_of(message), "value"), text))  # noqa: B010


_WRAPPED = ("Double", "Float", "Int64", "Int32", "UInt64", "UInt32", "Bool", "String", "Bytes")


def parse_integer(text: str, low: int, high: int) -> int:
    """Reads what Go's strconv.ParseInt, or ParseUint if `low` is 0, reads in base 10. Raises ValueError."""
    # A sign before an unsigned number is what strconv.ParseUint refuses.
    if not _INTEGER.fullmatch(text) or (low == 0 and text[0] in "+-"):
        reason = f"{text!r} is no integer"
        raise ValueError(reason)
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(text) if len(digits) <= 20 else high + 1
    if not low <= value <= high:
        reason = f"{text!r} is not between {low} and {high}"
        raise ValueError(reason)
    return value


def _float(text: str, *, single: bool) -> float:
    if not _FLOAT.fullmatch(text):
        reason = f"{text!r} is no number"
        raise ValueError(reason)
    value = float(text)
    if math.isfinite(value) and single and abs(value) >= MAX_FLOAT32:
        value = math.inf
    if math.isinf(value) and text.lstrip("+-")[0] not in "iI":
        reason = f"{text!r} is out of range"
        raise ValueError(reason)
    return value


def _enum(descriptor: EnumDescriptor, text: str) -> int:
    number = enum_number(descriptor, text)
    if number is not None:
        return number
    if _INTEGER.fullmatch(text) and len(text) < 12 and int(text) in descriptor.values_by_number:
        return int(text)
    reason = f"{text!r} is not one of {', '.join(value.name for value in descriptor.values)}"
    raise ValueError(reason)


def _set_timestamp(text: str, message: Message) -> None:
    message.CopyFrom(parse_timestamp(text))


def _set_mask(text: str, message: Message) -> None:
    message.CopyFrom(FieldMask(paths=text.split(",")))


def _check_empty(text: str) -> None:
    if text not in {"", "{}"}:
        reason = f"nothing or {{}} is expected, not {json.dumps(text)}"
        raise ValueError(reason)


def _set_duration(text: str, message: Message) -> None:
    """Go's time.ParseDuration: `1h30m`, `-1.5s`, `0`."""
    unsigned = text[1:] if text[:1] in {"-", "+"} else text
    parts = list(_GO_DURATION.finditer(unsigned))
    if ("".join(part.group() for part in parts) != unsigned or not parts) and unsigned != "0":
        reason = f"{text!r} is no duration such as 1h30m or 3.5s"
        raise ValueError(reason)
    nanoseconds = 0
    for part in parts:
        whole, _, fraction = part.group(1).partition(".")
        unit = _NANOSECONDS[part.group(2)]
        nanoseconds += int(whole or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
    if nanoseconds > 2**63 - 1:
        reason = f"{text!r} is longer than 292 years"
        raise ValueError(reason)
    seconds, nanos = divmod(nanoseconds, 10**9)
    sign = -1 if text.startswith("-") else 1
    message.CopyFrom(Duration(seconds=sign * seconds, nanos=sign * nanos))
