"""One path of a field mask (AIP-161), put into effect: a field, or what is within one, from one message into another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value

from task_server.api.values import from_struct, from_value, to_struct, to_value

#: A name; backticks keep one together that has a dot in it.
_NAME = re.compile(r"`([^`]+)`|([^.`]+)")
#: Nothing that a task can hold has a longer one.
_MAX_CHARACTERS = 1000


class PathError(ValueError):
    """The path names nothing; the message says why."""


def read_path(path: str) -> list[str]:
    """The names in a path, the outermost first. Raises PathError."""
    names: list[str] = []
    end = 0
    while len(path) <= _MAX_CHARACTERS and (found := _NAME.match(path, end)):
        names.append(found[1] or found[2])
        end = found.end()
        if end == len(path):
            return names
        if path[end] != ".":
            break
        end += 1
    message = f"{path[:100]!r} is no path; write one as retry_policy.max_retries, a key with a dot in it in backticks"
    raise PathError(message)


def copy_path(target: Message, source: Message, names: Sequence[str]) -> None:
    """Make what `names` name in `target` what it is in `source`, unset where it is unset there.

    What is within a JSON value is left to `copy_json`. Raises PathError where they name nothing.
    """
    name, *within = names
    field = target.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        message = f"{name[:100]!r} is no field of {target.DESCRIPTOR.name}; write it as in the protos, as function_code"
        raise PathError(message)
    if not within:
        _copy_field(target, source, field)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        _copy_map_key(getattr(target, name), getattr(source, name), ".".join(within))
    elif field.message_type is None or field.is_repeated or field.message_type.full_name.startswith("google."):
        message = f"{name!r} is changed as a whole; leave out what follows it"
        raise PathError(message)
    else:
        copy_path(getattr(target, name), getattr(source, name), within)


def _copy_field(target: Message, source: Message, field: Any) -> None:
    name = field.name
    if field.has_presence and not source.HasField(name):
        # Of a oneof that has another field set, this leaves that one.
        target.ClearField(name)
    elif field.is_repeated:
        target.ClearField(name)
        getattr(target, name).MergeFrom(getattr(source, name))
    elif field.message_type is not None:
        getattr(target, name).SetInParent()
        getattr(target, name).CopyFrom(getattr(source, name))
    else:
        setattr(target, name, getattr(source, name))


def _copy_map_key(target: Any, source: Any, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def is_json(message: Message, name: str) -> bool:
    """Whether a field of the message is a JSON value, whose keys a path may name."""
    field = message.DESCRIPTOR.fields_by_name.get(name)
    return field is not None and isinstance(getattr(message, name), Struct | Value)


def copy_json(target: Message, source: Message, name: str, paths: Iterable[Sequence[str]]) -> None:
    """Make the keys that `paths` name within a JSON field of `target` what they are in `source`; none where there is none.

    Raises ValueError where the value in `source` can not be stored.
    """
    before, said = (_python(getattr(message, name)) for message in (target, source))
    after = before
    for path in paths:
        if (keys := _keys(said, path)) is not None:
            after = after if isinstance(after, dict) else {}
            _put(after, keys, said)
        elif keys := _keys(after, path):
            _remove(after, keys)
    if after or before:
        made = to_struct(after) if isinstance(getattr(target, name), Struct) else to_value(after)
        getattr(target, name).CopyFrom(made)


def _put(target: dict[str, Any], keys: Sequence[str], said: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target, said = target[key], said[key]
    target[keys[-1]] = said[keys[-1]]


def _remove(target: dict[str, Any], keys: Sequence[str]) -> None:
    for key in keys[:-1]:
        target = target[key]
    del target[keys[-1]]


def _python(value: Struct | Value) -> Any:
    return from_struct(value) if isinstance(value, Struct) else from_value(value)


def _keys(value: Any, names: Sequence[str]) -> list[str] | None:
    """The keys that lead to what the names mean in a JSON value, None where they mean nothing.

    Whoever makes a mask from a body, as REST gateways do, writes a key with a dot in it without backticks: so several names may
    be one key.
    """
    if not names:
        return []
    if isinstance(value, dict):
        for count in range(1, len(names) + 1):
            key = ".".join(names[:count])
            if key in value and (rest := _keys(value[key], names[count:])) is not None:
                return [key, *rest]
    return None
