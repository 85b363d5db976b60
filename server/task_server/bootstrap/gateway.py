"""The REST gateway."""

from __future__ import annotations

import asyncio

from task_server.bootstrap.errors import StartError
from task_server.bootstrap.metrics import serving_metrics
from task_server.bootstrap.signals import stop_event
from task_server.config import Settings
from task_server.gateway.app import create_app
from task_server.gateway.options import GatewayOptions
from task_server.gateway.server import bind, serve
from task_server.tls import plaintext
from task_server.tls.certificate import CertificateError, CertificateFiles
from task_server.tls.listener import http_context
from task_server.tls.server_trust import ServerTrust


def run(settings: Settings) -> int:
    """Serve REST. Raises StartError."""
    plaintext.check_listener(settings, "http_address")
    target = settings.gateway_target or settings.grpc_address
    try:
        certificate, trust = CertificateFiles.of(settings), ServerTrust.of(settings, target)
    except CertificateError as error:
        raise StartError(str(error)) from error
    host, _, port = settings.http_address.rpartition(":")
    try:
        listener = bind(host.strip("[]"), int(port))
    except OSError as error:
        raise StartError(
            f"the HTTP address {settings.http_address} can not be listened on: {error.strerror}"
        ) from error

    async def serve_always() -> None:
        app = create_app(target, GatewayOptions(), trust=trust)
        context = http_context(certificate) if certificate else None
        await serve(app, listener, stop_event(asyncio.get_running_loop()), tls=context)

    with serving_metrics(settings):
        asyncio.run(serve_always())
    return 0
