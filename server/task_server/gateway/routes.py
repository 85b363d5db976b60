"""Which HTTP request is which RPC, as the descriptors say: the only list of endpoints."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from task_server.gateway.path_template import PathTemplate, parse
from task_server.gateway.schema import message_type, singular_message

FieldPath = tuple[str, ...]


class UnsupportedRuleError(ValueError):
    """An annotation asks for what this gateway does not do. The message names the RPC."""


@dataclass(frozen=True)
class Route:
    """One binding of one RPC.

    Attributes:
        http_method: in upper case.
        template: the path.
        rpc: the RPC as gRPC calls it, `/package.Service/Method`.
        request: the class of the request message.
        response: the class of the response message, of each one if the RPC streams.
        streaming: whether the server streams.
        body: the request field that the body is, `"*"` for the whole request, None for no body.
        response_body: the response field that the answer is, None for the whole response.
        reads_query: whether any request field is left for the query.
        bound: the fields that query keys can not set, because the path or the body does.
        mask: the request's only FieldMask, on a PATCH whose body is one field: filled from the body if empty.
    """

    http_method: str
    template: PathTemplate
    rpc: str
    request: type[Message]
    response: type[Message]
    streaming: bool
    body: str | None
    response_body: str | None
    reads_query: bool
    bound: tuple[FieldPath, ...]
    mask: str | None


def load_routes(package: str = "task_manager.v1") -> list[Route]:
    """Imports all messages of a package of generated stubs and reads the routes of its services, in the order of declaration.

    Raises:
        UnsupportedRuleError, InvalidTemplateError: an annotation can not be served.
    """
    stubs = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(stubs.__path__) if module.name.endswith("_pb2"))
    files = [importlib.import_module(f"{package}.{name}").DESCRIPTOR for name in names]
    return routes_of(service for file in files for service in file.services_by_name.values())


def routes_of(services: Iterable[ServiceDescriptor]) -> list[Route]:
    """Reads the routes of services, in the order of declaration. Raises as load_routes does."""
    routes: list[Route] = []
    taken: dict[tuple[str, str], str] = {}
    for service in services:
        for method in service.methods:
            for rule in _rules(method):
                route = _route(method, rule)
                other = taken.setdefault((route.http_method, route.template.text), route.rpc)
                if other != route.rpc:
                    reason = f"{route.http_method} {route.template.text} is bound to both {other} and {route.rpc}"
                    raise UnsupportedRuleError(reason)
                routes.append(route)
    return routes


def _rules(method: MethodDescriptor) -> Iterator[http_pb2.HttpRule]:
    options = method.GetOptions()
    if options.HasExtension(annotations_pb2.http):
        rule = options.Extensions[annotations_pb2.http]
        yield rule
        yield from rule.additional_bindings


def _route(method: MethodDescriptor, rule: http_pb2.HttpRule) -> Route:
    service, _, name = method.full_name.rpartition(".")
    rpc = f"/{service}/{name}"
    if method.client_streaming:
        reason = f"{rpc}: this gateway has no client streaming"
        raise UnsupportedRuleError(reason)
    kind = rule.WhichOneof("pattern")
    if kind is None:
        reason = f"{rpc}: its HTTP rule has no path"
        raise UnsupportedRuleError(reason)
    http_method, text = (rule.custom.kind, rule.custom.path) if kind == "custom" else (kind, getattr(rule, kind))
    template = parse(text)
    request = method.input_type
    for variable in template.variables:
        _check_path_field(rpc, request, variable.field_path)
    if rule.body and rule.body != "*":
        _check_body_field(rpc, request, rule.body)
    if rule.response_body and rule.response_body not in method.output_type.fields_by_name:
        reason = f"{rpc}: its response has no field {rule.response_body}"
        raise UnsupportedRuleError(reason)
    bound = [variable.field_path for variable in template.variables]
    if rule.body:
        bound.append((rule.body,))
    whole = {path[0] for path in bound if len(path) == 1}
    return Route(
        http_method=http_method.upper(),
        template=template,
        rpc=rpc,
        request=GetMessageClass(request),
        response=GetMessageClass(method.output_type),
        streaming=method.server_streaming,
        body=rule.body or None,
        response_body=rule.response_body or None,
        reads_query=rule.body != "*" and any(field.name not in whole for field in request.fields),
        bound=tuple(bound),
        mask=_mask_field(request) if http_method.upper() == "PATCH" and rule.body not in {"", "*"} else None,
    )


def _check_path_field(rpc: str, message: Descriptor, path: FieldPath) -> None:
    for depth, name in enumerate(path, 1):
        field = message.fields_by_name.get(name)
        if field is None or (depth < len(path) and not singular_message(field)):
            reason = f"{rpc}: the path variable {'.'.join(path)} is no field of its request"
            raise UnsupportedRuleError(reason)
        if depth < len(path):
            message = message_type(field)


def _check_body_field(rpc: str, message: Descriptor, name: str) -> None:
    field = message.fields_by_name.get(name)
    if field is None or not singular_message(field):
        reason = f"{rpc}: its body {name} is not one message"
        raise UnsupportedRuleError(reason)


def _mask_field(message: Descriptor) -> str | None:
    masks = [
        field.name
        for field in message.fields
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.FieldMask"
    ]
    return masks[0] if len(masks) == 1 else None
