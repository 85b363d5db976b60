"""Random messages of any type, from its descriptor alone."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from tests.fuzz import nasty

#: How deep messages nest; Struct and Value could go on for ever.
_DEPTH = 5
#: How often a field is set at all, so that many calls get past the first complaint.
_SET = 0.35

_Kind = FieldDescriptor


def random_message(descriptor: Descriptor, source: random.Random, ids: list[str], depth: int = 0) -> Message:
    """A message of that type.

    Parameters:
        ids: ids of rows that there are, so that some calls find something.
    """
    message: Message = message_factory.GetMessageClass(descriptor)()
    if depth >= _DEPTH:
        return message
    for field in descriptor.fields:
        if source.random() < _SET:
            _set(message, field, source, ids, depth)
    return message


def _set(message: Message, field: FieldDescriptor, source: random.Random, ids: list[str], depth: int) -> None:
    if _is_map(field):
        _fill_map(getattr(message, field.name), field, source, ids, depth)
    elif field.is_repeated:
        items = [_value(field, source, ids, depth) for _ in range(source.choice((1, 1, 2, 5, 120)))]
        getattr(message, field.name).extend(items)
    elif field.type == _Kind.TYPE_MESSAGE:
        getattr(message, field.name).CopyFrom(random_message(field.message_type, source, ids, depth + 1))
    else:
        setattr(message, field.name, _value(field, source, ids, depth))


def _is_map(field: FieldDescriptor) -> bool:
    return field.type == _Kind.TYPE_MESSAGE and field.message_type.GetOptions().map_entry


def _fill_map(target: Any, field: FieldDescriptor, source: random.Random, ids: list[str], depth: int) -> None:
    value = field.message_type.fields_by_name["value"]
    for _ in range(source.choice((1, 2, 5, 80))):
        key = source.choice(nasty.KEYS) if source.random() < 0.8 else nasty.text(source)
        if value.type == _Kind.TYPE_MESSAGE:
            target[key].CopyFrom(random_message(value.message_type, source, ids, depth + 1))
        else:
            target[key] = _value(value, source, ids, depth)


def _value(field: FieldDescriptor, source: random.Random, ids: list[str], depth: int) -> Any:
    match field.type:
        case _Kind.TYPE_STRING:
            known = ids and source.random() < 0.5 and (field.name == "id" or field.name.endswith("_id"))
            return source.choice(ids) if known else nasty.text(source)
        case _Kind.TYPE_BYTES:
            return nasty.data(source)
        case _Kind.TYPE_BOOL:
            return source.random() < 0.5
        case _Kind.TYPE_DOUBLE | _Kind.TYPE_FLOAT:
            return source.choice(nasty.NUMBERS)
        case _Kind.TYPE_ENUM:
            # Proto3 enums are open: any number is a value.
            return source.choice((*(value.number for value in field.enum_type.values), 99, -1, 2**31 - 1))
        case _Kind.TYPE_INT64 | _Kind.TYPE_SINT64 | _Kind.TYPE_SFIXED64:
            return source.choice(nasty.LONG_INTEGERS)
        case _Kind.TYPE_INT32 | _Kind.TYPE_SINT32 | _Kind.TYPE_SFIXED32:
            return source.choice(nasty.INTEGERS)
        case _Kind.TYPE_MESSAGE:
            return random_message(field.message_type, source, ids, depth + 1)
        case _:
            return abs(source.choice(nasty.INTEGERS))
