"""How the gRPC server's own clients, the gateway and the health check, reach it: what they trust it by, and what they show it."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import grpc

from task_server.config import Settings
from task_server.tls.certificate import CertificateError, check_authorities, load_pair, read
from task_server.tls.loopback import is_local

_LOOK_SECONDS = 1.0


class ServerTrust:
    """TLS to the server, with files that may be replaced."""

    def __init__(self, settings: Settings) -> None:
        """Read the files. Raises CertificateError."""
        self._ca_file = Path(settings.gateway_target_ca_file) if settings.gateway_target_ca_file else None
        self._cert_file = Path(settings.gateway_target_cert_file) if settings.gateway_target_cert_file else None
        self._key_file = Path(settings.gateway_target_key_file) if settings.gateway_target_key_file else None
        name = settings.gateway_target_name
        #: The channel's options.
        self.options: list[tuple[str, str]] = [("grpc.ssl_target_name_override", name)] if name else []
        self._seen = self._read()
        self._next_look = time.monotonic() + _LOOK_SECONDS

    @classmethod
    def of(cls, settings: Settings, address: str) -> ServerTrust | None:
        """How to reach the server at the address; None means in plain text. Raises CertificateError."""
        own = not settings.gateway_target and settings.tls_cert_file
        asked_for = own or settings.gateway_target_ca_file or settings.gateway_target_cert_file
        if asked_for or settings.gateway_target_name or not (settings.insecure or is_local(address)):
            return cls(settings)
        return None

    @property
    def shows_certificate(self) -> bool:
        """Whether the server sees a certificate of ours."""
        return self._cert_file is not None

    def credentials(self) -> grpc.ChannelCredentials:
        """The credentials by the files as they were last read."""
        ca, cert, key = self._seen
        # None: the authorities that gRPC brings.
        return grpc.ssl_channel_credentials(ca, key, cert)

    def was_renewed(self) -> bool:
        """Whether the files have others in them since the last time. Looks once a second; what does not go together is none."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _LOOK_SECONDS
        try:
            found = self._read()
        except CertificateError:
            return False
        was, self._seen = self._seen, found
        return found != was

    def _read(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        ca = read(self._ca_file) if self._ca_file else None
        if self._ca_file and ca is not None:
            check_authorities(self._ca_file, ca)
        if self._cert_file is None or self._key_file is None:
            return ca, None, None
        cert, key = read(self._cert_file), read(self._key_file)
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self._cert_file, self._key_file)
        return ca, cert, key
