"""The gateway's peer in these tests: a gRPC server that has every RPC of the API and says what reached it.

Every answer carries metadata: `x-received`, the request as JSON; `x-metadata`, what metadata came with it; `x-deadline`, whether
there was one. What it answers depends on the request's id (`task_id`, `id` or `name`):

- `code-N`: fails with code N and no details, after its metadata; `bare-N` without any metadata;
- `detailed`, `unknown-any`: fails with details, of a known and of an unknown type;
- `full`: everything set; `bad-time`: a timestamp that JSON can not have;
- `hang…`: never answers by itself;
- streams: `none` ends at once, `two` ends after two messages, `two-code-N` fails after them, `endless…` never ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from task_manager.v1 import (
    admin_service_pb2,
    event_pb2,
    execution_service_pb2,
    lock_service_pb2,
    task_pb2,
    task_service_pb2,
)

FULL_TASK = {
    "task_id": "full",
    "name": "naïve ☃ \U0001f600 </script>",
    "task_type": "scheduled",
    "function_code": "def f():\n\treturn 1",
    "function_name": "f",
    "task_args": [1, 2.5, -0.0, 1e21, 1e-7, "x", None, True, {"a": [{}]}],
    "task_kwargs": {"deep": {"er": [None, {}]}, "": "empty key"},
    "headers": {"B": "2", "a": "1"},
    "data": None,
    "raw_body": "+/8AAQ==",
    "expected_status": [200, 204],
    "cron_expression": "0 9 * * *",
    "start_at": "2026-01-31T12:00:00.120Z",
    "end_at": "9999-12-31T23:59:59.999999999Z",
    "max_runs": "9007199254740993",
    "misfire_policy": "FIRE_ALL",
    "overlap_policy": 77,
    "jitter_seconds": 0.1,
    "timeout": 3600,
    "retry_policy": {"max_retries": -1, "initial_backoff": "Infinity"},
    "priority": 9,
    "metadata": {},
    "status": "FAILURE",
    "last_execution": {"id": "e", "attempts": [{"number": 1}, {}], "usage": {"cpu_seconds": 1e-3}},
    "created_at": "0001-01-01T00:00:00Z",
    "upcoming_run_times": ["1969-12-31T23:59:59.000001Z"],
}

SERVICES = (
    task_service_pb2.DESCRIPTOR.services_by_name["TaskService"],
    execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"],
    lock_service_pb2.DESCRIPTOR.services_by_name["LockService"],
    admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
)


class Peer(grpc.GenericRpcHandler):
    """Serves every RPC of the API. By id, `begun` says that a call waits without end, and `cancelled` that it was given up."""

    def __init__(self) -> None:
        self.begun: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.cancelled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._methods = {
            f"/{service.full_name}/{method.name}": method for service in SERVICES for method in service.methods
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = self._methods.get(handler_call_details.method)
        if method is None:
            return None
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        if method.server_streaming:

            async def stream(message: Message, context: Any) -> AsyncIterator[Message]:
                async for answer in self._stream(method, message, context):
                    yield answer

            return grpc.unary_stream_rpc_method_handler(
                stream,
                request_deserializer=request.FromString,
                response_serializer=response.SerializeToString,
            )

        async def unary(message: Message, context: Any) -> Message:
            return await self._unary(method, message, context)

        return grpc.unary_unary_rpc_method_handler(
            unary, request_deserializer=request.FromString, response_serializer=response.SerializeToString
        )

    async def _unary(self, method: MethodDescriptor, request: Message, context: Any) -> Message:
        await _begin(request, context)
        identity = _identity(request)
        await _fail(identity, context)
        if identity.startswith("hang"):
            await self._hang(identity)
        response = GetMessageClass(method.output_type)()
        if isinstance(response, task_pb2.Task):
            if identity == "full":
                json_format.ParseDict(FULL_TASK, response)
                response.data.null_value = 0
            elif identity == "bad-time":
                response.created_at.seconds = 10**15
            elif "task" in request.DESCRIPTOR.fields_by_name:
                response.CopyFrom(request.task)
        return response

    async def _stream(self, method: MethodDescriptor, request: Message, context: Any) -> AsyncIterator[Message]:
        await _begin(request, context)
        identity = _identity(request)
        kind, _, rest = identity.partition("-")
        await _fail(identity, context)
        if kind in {"two", "endless"}:
            for number in (1, 2):
                response = GetMessageClass(method.output_type)()
                if isinstance(response, event_pb2.TaskEvent):
                    response.type, response.watch_token = number, f"token {number}"
                else:
                    response.offset, response.text = number, f"line {number}\n"
                yield response
            await _fail(rest, context)
        if kind == "endless":
            await self._hang(identity)

    async def _hang(self, identity: str) -> None:
        self.begun[identity].set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled[identity].set()
            raise


async def serve_peer(peer: Peer, address: str = "127.0.0.1:0") -> tuple[grpc.aio.Server, int]:
    """Starts the server with health. Returns it and its port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((peer,))
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    await servicer.set("away", health_pb2.HealthCheckResponse.NOT_SERVING)
    port = server.add_insecure_port(address)
    await server.start()
    return server, port


def _identity(request: Any) -> str:
    for field in ("task_id", "id", "name"):
        if field in request.DESCRIPTOR.fields_by_name and getattr(request, field):
            return str(getattr(request, field))
    return ""


async def _begin(request: Any, context: Any) -> None:
    if _identity(request).startswith("bare-"):
        return
    received = json_format.MessageToDict(request, preserving_proto_field_name=True)
    metadata = sorted(
        [
            key,
            re.sub(r"^127\.0\.0\.1:\d+$", "127.0.0.1:PORT", value)
            if isinstance(value, str)
            else f"bytes {value.hex()}",
        ]
        for key, value in context.invocation_metadata()
        if key not in {"user-agent", "accept-encoding", "grpc-accept-encoding"}
    )
    sent = [
        ("x-received", json.dumps(received, sort_keys=True)),
        ("x-metadata", json.dumps(metadata)),
        ("x-deadline", str(context.time_remaining() is not None).lower()),
    ]
    sent += [(key, value) for key, value in context.invocation_metadata() if key == "x-request-id"]
    await context.send_initial_metadata(sent)


async def _fail(identity: str, context: Any) -> None:
    if match := re.fullmatch(r"(code|bare)-(\d+)", identity):
        code = next(code for code in grpc.StatusCode if code.value[0] == int(match[2]))
        await context.abort(code, f"failed with {code.name}; “quoted”")
    if identity == "detailed":
        await _abort(
            context,
            9,
            error_details_pb2.ErrorInfo(reason="TASK_ENDED", domain="task-manager", metadata={"task_id": "detailed"}),
            error_details_pb2.RetryInfo(retry_delay={"seconds": 1, "nanos": 500_000_000}),
            error_details_pb2.BadRequest(field_violations=[{"field": "task.name", "description": "is empty"}]),
            error_details_pb2.PreconditionFailure(violations=[{"type": "T", "subject": "s"}]),
        )
    if identity == "unknown-any":
        await _abort(context, 5, AnyMessage(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01"))


async def _abort(context: Any, code: int, *details: Message) -> None:
    failure = Status(code=code, message="with details")
    for detail in details:
        if isinstance(detail, AnyMessage):
            failure.details.add().CopyFrom(detail)
        else:
            failure.details.add().Pack(detail)
    code_name = next(known for known in grpc.StatusCode if known.value[0] == code)
    await context.abort(code_name, failure.message, (("grpc-status-details-bin", failure.SerializeToString()),))
