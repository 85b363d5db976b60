"""One HTTP request to one request message, and one response message to one HTTP body."""

from __future__ import annotations

from urllib.parse import parse_qs

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from task_server.gateway.errors import invalid_fields, invalid_request
from task_server.gateway.field_mask import MaskError, mask_of
from task_server.gateway.field_text import FieldText, parse_bool
from task_server.gateway.json_reader import JsonReader, Violation
from task_server.gateway.json_text import JsonSyntaxError, JsonValue, read_first
from task_server.gateway.json_wellknown import FROM_TEXT
from task_server.gateway.json_writer import JsonWriter, dump
from task_server.gateway.query import QueryError, parse_query, read_query, set_path
from task_server.gateway.router import Match
from task_server.gateway.routes import Route
from task_server.gateway.schema import descriptor_of, field_called

JSON = "application/json"
IGNORE_UNKNOWN = "ignore_unknown"
_HTTP_BODY = "google.api.HttpBody"
_REPEATED_PATH_SEPARATOR = ","


class Transcoder:
    """Makes request messages and prints responses. Holds no state of a request."""

    def __init__(self, *, proto_field_names: bool, reject_unknown_fields: bool) -> None:
        self.writer = JsonWriter(proto_field_names=proto_field_names)
        self._strict = JsonReader(ignore_unknown=False)
        self._lenient = JsonReader(ignore_unknown=True)
        self._reject_unknown_fields = reject_unknown_fields
        self._text = FieldText(self._strict)

    def request(self, match: Match, query: str, body: bytes) -> Message:
        """Makes the request message: the body first, then the path, then the query.

        Raises:
            GatewayError: INVALID_ARGUMENT that names the fields.
        """
        route = match.route
        message: Message = route.request()
        violations: list[Violation] = []
        if route.body is not None:
            reader = self._strict if self._reject_unknown_fields and not _ignores_unknown(query) else self._lenient
            violations += _read_body(route, route.body, body, message, reader)
        for path, value in match.values.items():
            violations += self._set_path_value(message, path, value)
        if route.reads_query:
            try:
                violations += read_query(parse_query(query), message, route.bound, self._text)
            except QueryError as error:
                raise invalid_request(str(error)) from None
        if violations:
            raise invalid_fields(violations)
        return message

    def response(self, route: Route, message: Message) -> tuple[str, bytes]:
        """Prints a response: its content type and its body. Raises UnprintableError if it has no JSON form."""
        if message.DESCRIPTOR.full_name == _HTTP_BODY:
            return message.content_type, message.data  # type: ignore[attr-defined]
        return JSON, dump(self._response_json(route, message))

    def result_line(self, route: Route, message: Message) -> tuple[str, bytes]:
        """Prints one message of a stream: its content type and its line. Raises UnprintableError if it has no JSON form."""
        if message.DESCRIPTOR.full_name == _HTTP_BODY:
            return message.content_type, message.data + b"\n"  # type: ignore[attr-defined]
        return JSON, dump({"result": self._response_json(route, message)}) + b"\n"

    def _response_json(self, route: Route, message: Message) -> JsonValue:
        printed = self.writer.to_json(message)
        if route.response_body is None:
            return printed
        name = self.writer.name(field_called(descriptor_of(message), route.response_body))
        # A proto3 optional field that is not set is left out of the message; alone it is null.
        return printed.get(name) if isinstance(printed, dict) else printed

    def _set_path_value(self, message: Message, path: tuple[str, ...], value: str) -> list[Violation]:
        try:
            field = field_called(descriptor_of(message), path[0])
            if len(path) > 1:
                set_path(message, path, [value], self._text)
            elif field.message_type is not None and field.message_type.full_name in FROM_TEXT:
                # At the top level the official gateway reads the JSON form here, and only here.
                getattr(message, field.name).CopyFrom(FROM_TEXT[field.message_type.full_name](value.strip('"')))
            else:
                message.ClearField(field.name)
                _clear_oneof(message, field)
                set_path(
                    message, path, value.split(_REPEATED_PATH_SEPARATOR) if field.is_repeated else [value], self._text
                )
        except ValueError as error:
            return [Violation(".".join(path), f"type mismatch, {error}")]
        return []


def _clear_oneof(message: Message, field: FieldDescriptor) -> None:
    if field.containing_oneof is not None:
        message.ClearField(field.containing_oneof.name)


def _ignores_unknown(query: str) -> bool:
    if IGNORE_UNKNOWN not in query:
        return False
    values = parse_qs(query, keep_blank_values=True).get(IGNORE_UNKNOWN, [])
    try:
        return any(parse_bool(value) for value in values)
    except ValueError:
        return False


def _read_body(route: Route, body_field: str, body: bytes, message: Message, reader: JsonReader) -> list[Violation]:
    target, root = message, ""
    if body_field != "*":
        target, root = getattr(message, body_field), body_field
        target.SetInParent()
    try:
        present, value = read_first(body)
    except JsonSyntaxError as error:
        return [Violation(root, str(error))]
    violations = reader.read(value, target, root) if present else []
    if route.mask is not None and not violations:
        mask = getattr(message, route.mask)
        mask.SetInParent()
        try:
            mask.MergeFrom(mask_of(value, descriptor_of(target), root))
        except MaskError as error:
            return [error.violation]
    return violations
