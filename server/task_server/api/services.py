"""Which service is served by what: every RPC of the contract, read from the descriptors, so that none is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2
from task_server.api.reading import receive
from task_server.domain.errors import InvalidFields, RpcNotImplemented, Violation

#: All services of the contract.
SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for module in (task_service_pb2, execution_service_pb2, lock_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)


def not_served(service: ServiceDescriptor, servicer: object | None) -> list[str]:
    """The RPCs of a service that its servicer has no method for."""
    return [method.name for method in service.methods if not hasattr(servicer, method.name)]


def handlers(service: ServiceDescriptor, servicer: object | None) -> dict[str, Any]:
    """The handlers of a service, by method. RPCs that the servicer has no method for raise RpcNotImplemented."""
    methods: dict[str, Any] = {}
    for method in service.methods:
        behavior = getattr(servicer, method.name, None) or _refusal(method)
        make: Any = (
            grpc.stream_stream_rpc_method_handler if method.server_streaming else grpc.stream_unary_rpc_method_handler
        )
        methods[method.name] = make(
            _reading(method, behavior),
            response_serializer=message_factory.GetMessageClass(method.output_type).SerializeToString,
        )
    return methods


def _reading(method: MethodDescriptor, behavior: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The behavior, which receives and reads the request: what gRPC itself can not read it answers with UNKNOWN."""
    kind = message_factory.GetMessageClass(method.input_type)

    def read(data: bytes) -> Message:
        try:
            request = kind.FromString(data)
        except DecodeError as error:
            description = f"is no {method.input_type.full_name}: its bytes are damaged, or nested too deep"
            raise InvalidFields([Violation("request", description)]) from error
        # PostgreSQL keeps no such text, so there can be no row with it; and SQLite must not answer otherwise.
        odd = [field.name for field, value in request.ListFields() if isinstance(value, str) and "\0" in value]
        if odd:
            raise InvalidFields([Violation(name, "must not have the character NUL in it") for name in odd])
        return request

    async def answer(_: Any, context: Any) -> Any:
        return await behavior(read(await receive(context)), context)

    async def stream(_: Any, context: Any) -> AsyncIterator[Any]:
        async for message in behavior(read(await receive(context)), context):
            yield message

    return stream if method.server_streaming else answer


def _refusal(method: MethodDescriptor) -> Callable[[Any, Any], Any]:
    name = f"{method.containing_service.full_name}/{method.name}"

    async def refuse(_request: Any, _context: Any) -> Any:
        raise RpcNotImplemented(name)

    async def refuse_stream(_request: Any, _context: Any) -> AsyncIterator[Any]:
        nothing: tuple[Any, ...] = ()
        for never in nothing:
            yield never  # makes it a stream
        raise RpcNotImplemented(name)

    return refuse_stream if method.server_streaming else refuse
