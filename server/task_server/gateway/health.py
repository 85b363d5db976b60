"""`GET /healthz?service=S`: the grpc.health.v1 health of the server behind the gateway, for load balancers that speak HTTP."""

from __future__ import annotations

from typing import cast

from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2

from task_server.gateway.path_template import parse
from task_server.gateway.routes import Route

HEALTH_ROUTE = Route(
    http_method="GET",
    template=parse("/healthz"),
    rpc="/grpc.health.v1.Health/Check",
    request=health_pb2.HealthCheckRequest,
    response=health_pb2.HealthCheckResponse,
    streaming=False,
    body=None,
    response_body=None,
    reads_query=True,
    bound=(),
    mask=None,
)
"""Served like any other route; `service` comes from the query."""

_CODES = {
    health_pb2.HealthCheckResponse.UNKNOWN: code_pb2.UNAVAILABLE,
    health_pb2.HealthCheckResponse.NOT_SERVING: code_pb2.UNAVAILABLE,
    health_pb2.HealthCheckResponse.SERVICE_UNKNOWN: code_pb2.NOT_FOUND,
}


def health_failure(response: Message) -> Status | None:
    """The Status that a health answer other than SERVING means, None for SERVING."""
    serving = cast(health_pb2.HealthCheckResponse, response).status
    code = _CODES.get(serving)
    if code is None:
        return None
    return Status(code=code, message=f"status:{health_pb2.HealthCheckResponse.ServingStatus.Name(serving)}")
