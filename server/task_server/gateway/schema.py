"""Descriptors with plain types: the stubs of protobuf give a union of two classes where one stands."""

from __future__ import annotations

from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message


def descriptor_of(message: Message) -> Descriptor:
    """The descriptor of a message."""
    return cast(Descriptor, message.DESCRIPTOR)


def message_type(field: FieldDescriptor) -> Descriptor:
    """The type of a field that is a message, or a list or map of them."""
    return cast(Descriptor, field.message_type)


def enum_type(field: FieldDescriptor) -> EnumDescriptor:
    """The type of a field that is an enum, or a list of them."""
    return cast(EnumDescriptor, field.enum_type)


def enum_number(descriptor: EnumDescriptor, name: str) -> int | None:
    """The number of the value with that name, None where there is none.

    Raises UnicodeEncodeError for half of a surrogate pair: protobuf's own look-up breaks on it with a SystemError.
    """
    name.encode()
    value = descriptor.values_by_name.get(name)
    return None if value is None else value.number


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map, which is a list of entries on the wire."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def map_fields(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """The key and the value of a map's entries."""
    entry = message_type(field)
    return field_called(entry, "key"), field_called(entry, "value")


def field_called(descriptor: Descriptor, name: str) -> FieldDescriptor:
    """The field of a proto name that is known to be there."""
    return descriptor.fields_by_name[name]


def find_field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """The field of a proto or a JSON name."""
    by_name = descriptor.fields_by_name.get(name)
    return by_name or next((field for field in descriptor.fields if field.json_name == name), None)


def singular_message(field: FieldDescriptor) -> bool:
    """Whether a field is one message: what a dotted path may go through."""
    return field.message_type is not None and not field.is_repeated
