"""The contract as a whole: all of it is served; health and reflection, which need no token."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from acceptance_api import CALL_SECONDS, Api, grpc_failure
from acceptance_stack import Stack
from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc import RpcError
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from task_manager.v1 import admin_service_pb2, execution_service_pb2, lock_service_pb2, task_service_pb2

MODULES = (task_service_pb2, execution_service_pb2, lock_service_pb2, admin_service_pb2)
SERVICES = [service for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()]
METHODS = {f"{service.name}.{method.name}": method for service in SERVICES for method in service.methods}


def call(api: Api, method: MethodDescriptor) -> str:
    """How a call with an empty request ends: the reason of its error, or OK."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    make: Any = api.channel.unary_stream if method.server_streaming else api.channel.unary_unary
    invoke = make(
        path,
        lambda message: message.SerializeToString(),
        message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = invoke(
            message_factory.GetMessageClass(method.input_type)(), metadata=api.metadata, timeout=CALL_SECONDS
        )
        if method.server_streaming:
            next(answer)
            answer.cancel()
    except RpcError as error:
        failure = grpc_failure(error)
        return failure.reason
    return "OK"


def request(api: Api, method: MethodDescriptor) -> requests.Response:
    """A call of the RPC's first REST binding."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    kind = rule.WhichOneof("pattern")
    path = re.sub(r"\{[^}]*\}", "some-id", getattr(rule, kind))
    return api.rest.send(kind.upper(), path, {} if rule.body else None, stream=True)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_whole_contract_is_served(api: Api, name: str) -> None:
    assert call(api, METHODS[name]) in ("OK", "INVALID_FIELDS")


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_call_needs_a_token(stack: Stack, name: str) -> None:
    nobody = stack.api("")
    assert call(nobody, METHODS[name]) == "INVALID_CREDENTIALS"
    with request(nobody, METHODS[name]) as response:
        assert response.status_code == 401


def test_health_needs_no_token(stack: Stack) -> None:
    nobody = stack.api("")
    health = health_pb2_grpc.HealthStub(nobody.channel)
    for service in ["", *(service.full_name for service in SERVICES)]:
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=CALL_SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert nobody.rest.get("/healthz", params={"service": service}) == {"status": "SERVING"}


def test_reflection_needs_no_token(stack: Stack) -> None:
    database = ProtoReflectionDescriptorDatabase(stack.api("").channel)
    assert {service.full_name for service in SERVICES} <= set(database.get_services())
    file = database.FindFileContainingSymbol("task_manager.v1.TaskService")
    assert file.name == "task_manager/v1/task_service.proto"


def test_the_request_id_comes_back(api: Api) -> None:
    response = api.rest.send("GET", "/api/tasks/stats", headers={"X-Request-Id": "abc-1"})
    assert response.headers["X-Request-Id"] == "abc-1"
    made = api.rest.send("GET", "/api/nothing").headers["X-Request-Id"]
    assert made
    assert made != api.rest.send("GET", "/api/nothing").headers["X-Request-Id"]
