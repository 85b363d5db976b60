"""The field mask that a PATCH body means (runtime/fieldmask.go of the official gateway)."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask

from task_server.gateway.json_reader import Violation
from task_server.gateway.json_text import JsonValue
from task_server.gateway.schema import find_field, message_type

_FREE_FORM = frozenset({"google.protobuf.Struct", "google.protobuf.Value"})


class MaskError(ValueError):
    """The body has a field that the message does not have."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.description)
        self.violation = violation


def mask_of(body: JsonValue, descriptor: Descriptor, root: str) -> FieldMask:
    """Lists the leaves of a JSON body by their proto names, sorted.

    A list, a map and an empty object are leaves; within a Struct the keys are taken as they are.

    Args:
        body: the JSON of the resource.
        descriptor: the resource's.
        root: the field of the request that the body is, for messages.

    Raises:
        MaskError: a key is no field. That holds with `ignore_unknown` too: what can not be named can not be masked.
    """
    return FieldMask(paths=sorted(_leaves(body, descriptor, "", root)))


def _leaves(value: JsonValue, descriptor: Descriptor | None, path: str, root: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        if path:
            yield path
        return
    for key, member in value.items():
        field = None if descriptor is None else find_field(descriptor, key)
        if field is None:
            raise MaskError(Violation(f"{root}.{path}.{key}" if path else f"{root}.{key}", "could not find field"))
        place = f"{path}.{field.name}" if path else field.name
        message = None if field.message_type is None else message_type(field)
        if message is not None and message.full_name in _FREE_FORM:
            yield from _free_form(member, place)
        elif field.is_repeated:
            yield place
        else:
            yield from _leaves(member, message, place, root)


def _free_form(value: JsonValue, path: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield path
        return
    for key, member in value.items():
        yield from _free_form(member, f"{path}.{key}")
