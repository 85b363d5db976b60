"""The README's lists of what is not served yet are exactly what the real port refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from acceptance_api import CALL_SECONDS, Api, grpc_failure
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from tests.readme_pages import ENGLISH, marked_list

from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_pb2, task_service_pb2

METHODS: list[MethodDescriptor] = [
    method
    for module in (task_service_pb2, execution_service_pb2, lock_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def call(api: Api, method: MethodDescriptor, request: Message) -> grpc.RpcError | None:
    """Call any RPC, of a stream only its first message; return how it failed."""
    make: Any = api.channel.unary_stream if method.server_streaming else api.channel.unary_unary
    rpc = make(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=message_factory.GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = rpc(request, metadata=api.metadata, timeout=CALL_SECONDS)
        if method.server_streaming:
            next(answer, None)
            answer.cancel()
    except grpc.RpcError as error:
        return error
    return None


def is_served(api: Api, method: MethodDescriptor) -> bool:
    error = call(api, method, message_factory.GetMessageClass(method.input_type)())
    if error is None or error.code() is not grpc.StatusCode.UNIMPLEMENTED:
        return True
    failure = grpc_failure(error)
    assert failure.reason == "RPC_NOT_IMPLEMENTED"
    assert failure.metadata["method"] == f"{method.containing_service.full_name}/{method.name}"
    return False


def test_the_rpcs_are_those_that_answer_unimplemented(api: Api, bob: Api) -> None:
    found: dict[str, list[str]] = {}
    for method in METHODS:
        service = method.containing_service.name
        # Empty requests that mean "all" reach nobody else's tasks; admin's RPCs refuse everybody else.
        if not is_served(api if service == "AdminService" else bob, method):
            found.setdefault(service, []).append(method.name)
    assert found == marked_list(ENGLISH, "not served: rpcs")


def with_one_field(message: Message, field: Any) -> None:
    """Give a field any value that is not its default."""
    kinds = {FieldDescriptor.CPPTYPE_STRING: b"x" if field.type == field.TYPE_BYTES else "x"}
    scalar = kinds.get(field.cpp_type, 1)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(message, field.name)["x"] = "x"
    elif field.is_repeated:
        if field.message_type is None:
            getattr(message, field.name).append(scalar)
        else:
            getattr(message, field.name).add()
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, scalar)


def refused_fields(api: Api, method: MethodDescriptor) -> Iterator[tuple[str, str]]:
    """(message, field) of all fields of a request, and of a task in it, that are refused as not served yet."""
    make = message_factory.GetMessageClass(method.input_type)
    for field in method.input_type.fields:
        is_task = field.message_type is task_pb2.Task.DESCRIPTOR
        message: Any = task_pb2.Task if is_task else make
        for inner in message.DESCRIPTOR.fields if is_task else (field,):
            request: Any = make()
            if is_task and "validate_only" in method.input_type.fields_by_name:
                request.validate_only = True
            with_one_field(request.task if is_task else request, inner)
            path = f"task.{inner.name}" if is_task else inner.name
            error = call(api, method, request)
            if error is not None and "is not served yet" in grpc_failure(error).violations.get(path, ""):
                yield message.DESCRIPTOR.name, inner.name


def test_the_fields_are_those_that_are_refused(bob: Api) -> None:
    found: dict[str, list[str]] = {}
    for method in METHODS:
        if method.containing_service.name != "AdminService" and is_served(bob, method):
            for message, field in refused_fields(bob, method):
                if field not in found.setdefault(message, []):
                    found[message].append(field)
    assert {name: sorted(fields) for name, fields in found.items()} == {
        name: sorted(fields) for name, fields in marked_list(ENGLISH, "not served: fields").items()
    }
