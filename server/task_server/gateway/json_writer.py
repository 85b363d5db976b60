"""Messages to JSON as the official gateway prints them: protojson with EmitUnpopulated.

An unset singular message is null, an empty list [] and an empty map {}; unset members of a oneof and unset proto3 `optional` fields
are left out. Python's own json_format leaves out unset messages too, and takes several times as long.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from task_server.gateway.json_text import JsonValue
from task_server.gateway.schema import descriptor_of, enum_type, field_called, is_map, map_fields

_Writer = Callable[[Any], JsonValue]


class UnprintableError(ValueError):
    """A message has no JSON form: an Any of an unknown type, a time out of range, NaN in a Value."""


@dataclass(frozen=True)
class _Table:
    """How the fields of one message are printed."""

    unset: dict[str, JsonValue]
    fields: dict[int, tuple[str, _Writer]]


class JsonWriter:
    """Prints messages, with proto field names or in lowerCamelCase."""

    def __init__(self, *, proto_field_names: bool) -> None:
        self._proto_field_names = proto_field_names
        self._tables: dict[str, _Table] = {}
        self._wellknown: dict[str, _Writer] = {
            "google.protobuf.Timestamp": _to_text,
            "google.protobuf.Duration": _to_text,
            "google.protobuf.FieldMask": _to_text,
            "google.protobuf.Struct": _struct,
            "google.protobuf.ListValue": _list_value,
            "google.protobuf.Value": _value,
            "google.protobuf.Any": self._any,
            **dict.fromkeys(_WRAPPERS, self._wrapper),
        }

    def dump(self, message: Message) -> bytes:
        """Prints a message as UTF-8. Raises UnprintableError if it has no JSON form."""
        return dump(self.to_json(message))

    def to_json(self, message: Message) -> JsonValue:
        """Gives the JSON value of a message. Raises UnprintableError if it has none."""
        wellknown = self._wellknown.get(message.DESCRIPTOR.full_name)
        if wellknown is not None:
            return wellknown(message)
        table = self._table(descriptor_of(message))
        printed = table.unset.copy()
        for field, value in message.ListFields():
            name, write = table.fields[field.number]
            printed[name] = write(value)
        return printed

    def name(self, field: FieldDescriptor) -> str:
        """The JSON key of a field."""
        return field.name if self._proto_field_names else field.json_name

    def _table(self, descriptor: Descriptor) -> _Table:
        table = self._tables.get(descriptor.full_name)
        if table is None:
            unset: dict[str, JsonValue] = {
                self.name(field): _unset(field) for field in descriptor.fields if field.containing_oneof is None
            }
            fields = {field.number: (self.name(field), self._field(field)) for field in descriptor.fields}
            table = self._tables[descriptor.full_name] = _Table(unset, fields)
        return table

    def _field(self, field: FieldDescriptor) -> _Writer:
        if is_map(field):
            write = self._single(map_fields(field)[1])
            return lambda entries: {_key(key): write(value) for key, value in entries.items()}
        write = self._single(field)
        return (lambda values: [write(value) for value in values]) if field.is_repeated else write

    def _single(self, field: FieldDescriptor) -> _Writer:
        if field.message_type is not None:
            return self._wellknown.get(field.message_type.full_name, self.to_json)
        if field.enum_type is not None:
            return _enum_writer(enum_type(field))
        return _SCALARS.get(field.type, _same)

    def _wrapper(self, message: Message) -> JsonValue:
        return self._single(field_called(descriptor_of(message), "value"))(cast(Any, message).value)

    def _any(self, message: Message) -> JsonValue:
        packed = cast(any_pb2.Any, message)
        if not packed.type_url:
            return {}
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(packed.type_url.rpartition("/")[2])
            inner: Message = GetMessageClass(descriptor)()
            inner.ParseFromString(packed.value)
        except (KeyError, DecodeError) as error:
            reason = f"an Any of {packed.type_url} can not be read"
            raise UnprintableError(reason) from error
        printed = self.to_json(inner)
        if descriptor.full_name in self._wellknown or not isinstance(printed, dict):
            return {"@type": packed.type_url, "value": printed}
        return {"@type": packed.type_url, **printed}


def dump(value: JsonValue) -> bytes:
    """Prints a JSON value as UTF-8, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


_WRAPPERS = tuple(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "Int32", "UInt64", "UInt32", "Bool", "String", "Bytes")
)


def _unset(field: FieldDescriptor) -> JsonValue:
    if field.is_repeated:
        return {} if is_map(field) else []
    if field.has_presence:
        return None
    if field.enum_type is not None:
        return _enum_writer(enum_type(field))(0)
    return _SCALARS.get(field.type, _same)(field.default_value)


def _same(value: Any) -> JsonValue:
    return cast(JsonValue, value)


def _key(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _enum_writer(descriptor: EnumDescriptor) -> _Writer:
    if descriptor.full_name == "google.protobuf.NullValue":
        return lambda _: None
    names = {number: value.name for number, value in descriptor.values_by_number.items()}
    return lambda number: names.get(number, number)


def _double(value: float) -> JsonValue:
    if math.isfinite(value):
        # As Go prints it: 3, not 3.0.
        return (
            int(value) if value.is_integer() and abs(value) < 1e21 and (value or math.copysign(1, value) > 0) else value
        )
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _float(value: float) -> JsonValue:
    if not math.isfinite(value):
        return _double(value)
    # The shortest decimal that is still the same single-precision number: 0.1, not 0.10000000149011612.
    return _double(
        next(near for digits in range(6, 10) if _single_precision(near := float(f"{value:.{digits}g}")) == value)
    )


def _single_precision(value: float) -> float:
    try:
        return cast(float, struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf


def _base64(value: bytes) -> JsonValue:
    return base64.b64encode(value).decode()


_SCALARS: dict[int, _Writer] = {
    FieldDescriptor.TYPE_INT64: str,
    FieldDescriptor.TYPE_UINT64: str,
    FieldDescriptor.TYPE_SINT64: str,
    FieldDescriptor.TYPE_FIXED64: str,
    FieldDescriptor.TYPE_SFIXED64: str,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_BYTES: _base64,
}


def _to_text(message: Any) -> JsonValue:
    try:
        return cast(str, message.ToJsonString())
    except ValueError as error:
        raise UnprintableError(str(error)) from error


def _struct(message: Struct) -> JsonValue:
    return {key: _value(value) for key, value in message.fields.items()}


def _list_value(message: ListValue) -> JsonValue:
    return [_value(value) for value in message.values]


def _value(message: Value) -> JsonValue:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        if not math.isfinite(message.number_value):
            reason = "a google.protobuf.Value holds a number that JSON does not have"
            raise UnprintableError(reason)
        return _double(message.number_value)
    if kind == "bool_value":
        return message.bool_value
    if kind == "struct_value":
        return _struct(message.struct_value)
    if kind == "list_value":
        return _list_value(message.list_value)
    return None
