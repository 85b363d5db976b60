"""What the server says of its health."""

from __future__ import annotations

from dataclasses import replace

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from task_server.bootstrap.errors import StartError
from task_server.config import Settings
from task_server.tls.certificate import CertificateError
from task_server.tls.server_trust import ServerTrust


def check(settings: Settings, service: str = "") -> str:
    """What the server at `grpc_address` says of a service: SERVING, NOT_SERVING, SERVICE_UNKNOWN or UNREACHABLE."""
    address = settings.grpc_address
    try:
        trust = ServerTrust.of(replace(settings, gateway_target=""), address)
    except CertificateError as error:
        raise StartError(str(error)) from error
    with (
        grpc.secure_channel(address, trust.credentials(), trust.options)
        if trust
        else grpc.insecure_channel(address) as channel
    ):
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=3
            )
        except grpc.RpcError as error:
            return "SERVICE_UNKNOWN" if error.code() is grpc.StatusCode.NOT_FOUND else "UNREACHABLE"
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
