"""JSON to messages, strictly as protobuf-go's protojson does it, with every violation named at once.

Python's own json_format takes what protojson refuses (`[]` for a message, floats as booleans, keys that stand twice, ...) and stops
at the first error without a path.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from task_server.gateway.json_scalars import UNKNOWN_ENUM, read_map_key, read_scalar
from task_server.gateway.json_text import JsonSyntaxError, JsonValue, RepeatedKey, read_first
from task_server.gateway.json_wellknown import FROM_TEXT, fill_list, fill_struct, fill_value
from task_server.gateway.schema import descriptor_of, field_called, is_map, map_fields

MAX_DEPTH = 100
"""How many messages may stand in one another: what protobuf parsers take (upb's default)."""

MAX_VIOLATIONS = 100
"""How many violations are named; more would only make the answer as long as a hostile request."""


@dataclass(frozen=True)
class Violation:
    """What is wrong with one field, by its path in the request (`task.delay_seconds`). The path is empty for the whole body."""

    field: str
    description: str


class _Enough(Exception):
    """Raised when MAX_VIOLATIONS are found."""


class JsonReader:
    """Fills messages from JSON. With `ignore_unknown` unknown fields and enum names are skipped, else they are violations."""

    def __init__(self, *, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown

    def read_text(self, text: str, message: Message) -> list[Violation]:
        """Fills a message from a text that is one JSON value and nothing else."""
        try:
            present, value = read_first(text.encode("utf-8", "surrogateescape"))
        except JsonSyntaxError as error:
            return [Violation("", str(error))]
        if not present:
            return [Violation("", "a JSON value is expected")]
        return self.read(value, message, "")

    def read(self, value: JsonValue, message: Message, path: str) -> list[Violation]:
        """Fills a message that stands at `path` of the request. Returns what is wrong; the message is then of no use."""
        reading = _Reading(self._ignore_unknown)
        try:
            reading.message(value, message, path, 1 if path else 0)
        except _Enough:
            return reading.violations
        return reading.violations


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Fields by their JSON and by their proto name."""
    return {
        **{field.name: field for field in descriptor.fields},
        **{field.json_name: field for field in descriptor.fields},
    }


class _Reading:
    """One body while it is read."""

    def __init__(self, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown
        self.violations: list[Violation] = []
        self._wellknown: dict[str, Callable[[JsonValue, Message, str, int], None]] = {
            "google.protobuf.Struct": self._struct,
            "google.protobuf.ListValue": self._struct,
            "google.protobuf.Value": self._struct,
            "google.protobuf.Any": self._any,
            **dict.fromkeys(FROM_TEXT, self._from_text),
            **{f"google.protobuf.{kind}Value": self._wrapper for kind in _WRAPPED},
        }

    def violate(self, path: str, description: str) -> None:
        self.violations.append(Violation(path, description))
        if len(self.violations) >= MAX_VIOLATIONS:
            raise _Enough

    def message(self, value: JsonValue, message: Message, path: str, depth: int) -> None:
        """Fills a message that has `depth` messages around it."""
        if depth > MAX_DEPTH:
            self.violate(path, "nested too deep")
            return
        descriptor = descriptor_of(message)
        wellknown = self._wellknown.get(descriptor.full_name)
        if wellknown is not None:
            wellknown(value, message, path, depth)
            return
        if not isinstance(value, dict):
            self.violate(path, f"an object is expected, not {_kind(value)}")
            return
        if isinstance(value, RepeatedKey):
            self.violate(_join(path, value.key), "given twice")
            return
        fields = _fields(descriptor)
        given: dict[str, str] = {}
        for key, member in value.items():
            field = fields.get(key)
            if field is None:
                if not self._ignore_unknown:
                    self.violate(_join(path, key), f"unknown field{_nearest(key, descriptor)}")
                continue
            place = _join(path, field.name)
            if field.name in given:
                self.violate(place, "given twice, by its JSON name and by its proto name")
                continue
            given[field.name] = field.name
            if member is None and not _takes_null(field):
                continue
            if is_map(field):
                self._map(member, message, field, place, depth)
                continue
            if field.is_repeated:
                self._list(member, message, field, place, depth)
                continue
            choice = field.containing_oneof
            if choice is not None:
                other = given.setdefault(f"oneof {choice.name}", field.name)
                if other != field.name:
                    self.violate(place, f"{other} is given too; give only one of them")
                    continue
            self._singular(member, message, field, place, depth)

    def _singular(self, value: JsonValue, message: Message, field: FieldDescriptor, path: str, depth: int) -> None:
        if field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.message(value, inner, path, depth + 1)
            return
        try:
            scalar = read_scalar(field, value, ignore_unknown=self._ignore_unknown)
            if scalar is not UNKNOWN_ENUM:
                setattr(message, field.name, scalar)
        except UnicodeEncodeError:
            self.violate(path, _NOT_UTF8)
        except ValueError as error:
            self.violate(path, str(error))

    def _list(self, value: JsonValue, message: Message, field: FieldDescriptor, path: str, depth: int) -> None:
        if not isinstance(value, list):
            self.violate(path, f"a list is expected, not {_kind(value)}")
            return
        elements = getattr(message, field.name)
        for index, member in enumerate(value):
            place = f"{path}[{index}]"
            if field.message_type is not None:
                self.message(member, elements.add(), place, depth + 1)
                continue
            try:
                scalar = read_scalar(field, member, ignore_unknown=self._ignore_unknown)
                if scalar is not UNKNOWN_ENUM:
                    elements.append(scalar)
            except UnicodeEncodeError:
                self.violate(place, _NOT_UTF8)
            except ValueError as error:
                self.violate(place, str(error))

    def _map(self, value: JsonValue, message: Message, field: FieldDescriptor, path: str, depth: int) -> None:
        if not isinstance(value, dict):
            self.violate(path, f"an object is expected, not {_kind(value)}")
            return
        if isinstance(value, RepeatedKey):
            self.violate(f"{path}[{_shown(value.key)}]", "given twice")
            return
        key_field, value_field = map_fields(field)
        entries = getattr(message, field.name)
        for name, member in value.items():
            place = f"{path}[{_shown(name)}]"
            try:
                key = read_map_key(key_field, name)
                if key in entries:
                    self.violate(place, "given twice")
                elif value_field.message_type is not None:
                    # The entry is a message of its own on the wire.
                    self.message(member, entries[key], place, depth + 2)
                else:
                    scalar = read_scalar(value_field, member, ignore_unknown=self._ignore_unknown)
                    if scalar is not UNKNOWN_ENUM:
                        entries[key] = scalar
            except UnicodeEncodeError:
                self.violate(place, _NOT_UTF8)
            except ValueError as error:
                self.violate(place, str(error))

    def _struct(self, value: JsonValue, message: Message, path: str, depth: int) -> None:
        try:
            if isinstance(message, Struct):
                fill_struct(value, message, MAX_DEPTH - depth)
            elif isinstance(message, ListValue):
                fill_list(value, message, MAX_DEPTH - depth)
            elif isinstance(message, Value):
                fill_value(value, message, MAX_DEPTH - depth)
        except UnicodeEncodeError:
            self.violate(path, _NOT_UTF8)
        except ValueError as error:
            self.violate(path, str(error))

    def _from_text(self, value: JsonValue, message: Message, path: str, _: int) -> None:
        if not isinstance(value, str):
            self.violate(path, f"a string is expected, not {_kind(value)}")
            return
        try:
            message.CopyFrom(FROM_TEXT[message.DESCRIPTOR.full_name](value))
        except ValueError as error:
            self.violate(path, str(error))

    def _wrapper(self, value: JsonValue, message: Message, path: str, depth: int) -> None:
        self._singular(value, message, field_called(descriptor_of(message), "value"), path, depth)

    def _any(self, value: JsonValue, message: Message, path: str, _: int) -> None:
        if not isinstance(value, dict):
            self.violate(path, f"an object is expected, not {_kind(value)}")
            return
        try:
            json_format.ParseDict(value, message, ignore_unknown_fields=self._ignore_unknown)
        except (json_format.ParseError, TypeError, KeyError) as error:
            self.violate(path, str(error))


_WRAPPED = ("Double", "Float", "Int64", "Int32", "UInt64", "UInt32", "Bool", "String", "Bytes")
_NOT_UTF8 = "not valid UTF-8"


def _takes_null(field: FieldDescriptor) -> bool:
    if field.message_type is not None:
        return field.message_type.full_name == "google.protobuf.Value"
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def _join(path: str, name: str) -> str:
    return f"{path}.{_shown(name)}" if path else _shown(name)


def _shown(name: str) -> str:
    """A key as an answer may show it: valid UTF-8 and not endless."""
    return name[:100].encode("utf-8", "replace").decode()


def _kind(value: JsonValue) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return "null" if value is None else next(name for kind, name in names.items() if isinstance(value, kind))


def _nearest(key: str, descriptor: Descriptor) -> str:
    near = difflib.get_close_matches(key[:100], [field.name for field in descriptor.fields], n=1)
    return f"; did you mean {near[0]}?" if near else ""
