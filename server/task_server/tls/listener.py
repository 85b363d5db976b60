"""TLS for the two ports, with whatever certificate is the newest at each handshake."""

from __future__ import annotations

import ssl
from typing import Any

import grpc

from task_server.tls.certificate import Certificate, CertificateFiles


def grpc_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """The credentials of a gRPC port. Where the certificate names authorities of callers, callers without one are not let in."""
    served = files.current()

    def newer() -> Any:
        nonlocal served
        newest = files.current()
        if newest is served:
            return None
        served = newest
        return _configuration(newest)

    credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
        _configuration(served), newer, require_client_authentication=served.client_ca is not None
    )
    return credentials


def _configuration(certificate: Certificate) -> Any:
    return grpc.ssl_server_certificate_configuration([(certificate.key, certificate.chain)], certificate.client_ca)


def http_context(files: CertificateFiles) -> ssl.SSLContext:
    """The context of an HTTP port. Callers need no certificate."""
    context = files.current().context

    def newest(connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = files.current().context

    # OpenSSL calls it in each handshake, also where the caller names no server.
    context.sni_callback = newest
    return context
