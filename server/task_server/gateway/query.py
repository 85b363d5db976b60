"""Query strings to request fields, by the rules of the official gateway (runtime/query.go)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from task_server.gateway.field_text import FieldText
from task_server.gateway.json_reader import Violation
from task_server.gateway.routes import FieldPath
from task_server.gateway.schema import descriptor_of, find_field, is_map, map_fields, message_type, singular_message

Query = dict[str, list[str]]

_MAP_KEY = re.compile(r"(.*)\[(.*)\]", re.DOTALL)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class QueryError(ValueError):
    """A query string that is none."""


def parse_query(text: str) -> Query:
    """Splits a query string into the values of each key, in order, as Go's url.ParseQuery does.

    Raises:
        QueryError: a malformed escape, a semicolon between pairs, or bytes that are no UTF-8.
    """
    query: Query = {}
    for pair in text.split("&"):
        if ";" in pair:
            reason = "invalid semicolon separator in query"
            raise QueryError(reason)
        if pair:
            key, _, value = pair.partition("=")
            query.setdefault(_unescape(key), []).append(_unescape(value))
    return query


def _unescape(text: str) -> str:
    if "%" not in text:
        return text.replace("+", " ")
    bad = _BAD_ESCAPE.search(text)
    if bad is not None:
        reason = f"invalid URL escape {text[bad.start() : bad.start() + 3]!r}"
        raise QueryError(reason)
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        reason = "the query is not valid UTF-8"
        raise QueryError(reason) from None


def read_query(query: Query, message: Message, bound: Iterable[FieldPath], text: FieldText) -> list[Violation]:
    """Sets request fields from a query; keys that no field has are skipped.

    Args:
        query: the values of each key.
        message: the request.
        bound: fields that path and body set; keys at or below them are skipped.
        text: reads the values.

    Returns:
        What is wrong, by field.
    """
    violations: list[Violation] = []
    seen: set[str] = set()
    for key, values in query.items():
        name, map_key = key, ""
        if match := _MAP_KEY.fullmatch(key):
            name, map_key = match[1], f"[{match[2]}]"
            values = [match[2], *values]
        path = _proto_path(message, name.split("."))
        if any(path[: len(prefix)] == prefix for prefix in bound):
            continue
        field = ".".join(path) + map_key
        if field in seen:
            violations.append(Violation(field, "given twice, by its JSON name and by its proto name"))
            continue
        seen.add(field)
        try:
            set_path(message, path, values, text)
        except ValueError as error:
            violations.append(Violation(field, str(error)))
    return violations


def set_path(message: Message, path: FieldPath, values: list[str], text: FieldText) -> None:
    """Sets the field at a path from its texts; an unknown path is skipped.

    Raises:
        ValueError: a text is no value of the field, there are too many, or its oneof is set.
    """
    for depth, name in enumerate(path, 1):
        field = find_field(descriptor_of(message), name)
        if field is None:
            return
        _check_oneof(message, field)
        if depth == len(path):
            _set_values(message, field, values, text)
            return
        if not singular_message(field):
            reason = f"{name} is not a message"
            raise ValueError(reason)
        message = getattr(message, field.name)
        message.SetInParent()


def _proto_path(message: Message, names: list[str]) -> FieldPath:
    """The path in proto names, or as it is where no field is."""
    path: list[str] = []
    descriptor = descriptor_of(message)
    for depth, name in enumerate(names, 1):
        field = find_field(descriptor, name)
        if field is None or (depth < len(names) and not singular_message(field)):
            return tuple(names)
        path.append(field.name)
        if depth < len(names):
            descriptor = message_type(field)
    return tuple(path)


def _check_oneof(message: Message, field: FieldDescriptor) -> None:
    choice = field.containing_oneof
    if choice is None or (len(choice.fields) == 1 and choice.name == f"_{field.name}"):
        return
    other = message.WhichOneof(choice.name)
    if other is not None and (field.message_type is None or other != field.name):
        reason = f"{other} is given too; give only one of them"
        raise ValueError(reason)


def _set_values(message: Message, field: FieldDescriptor, values: list[str], text: FieldText) -> None:
    if is_map(field):
        if len(values) != 2:
            reason = "a map takes one value for each key, as name[key]=value"
            raise ValueError(reason)
        key_field, value_field = map_fields(field)
        key, value = text.parse(key_field, values[0]), text.parse(value_field, values[1])
        if isinstance(value, Message):
            getattr(message, field.name)[key].CopyFrom(value)
        else:
            getattr(message, field.name)[key] = value
    elif field.is_repeated:
        getattr(message, field.name).extend(text.parse(field, value) for value in values)
    elif len(values) > 1:
        reason = f"too many values: {', '.join(values)}"
        raise ValueError(reason)
    else:
        parsed = text.parse(field, values[0])
        if isinstance(parsed, Message):
            inner = getattr(message, field.name)
            inner.SetInParent()
            inner.CopyFrom(parsed)
        else:
            setattr(message, field.name, parsed)
