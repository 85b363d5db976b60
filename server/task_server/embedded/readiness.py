"""Whether the stack serves: one look at the gateway's health page, which asks the gRPC server's health."""

from __future__ import annotations

import socket

from task_server.embedded.addresses import split

#: Where the wildcard addresses are dialled.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def is_serving(http_address: str, tls: bool = False) -> bool:
    """Tell whether `GET /healthz` answers 200, which it does while gateway and gRPC server both serve.

    A bare socket: the HTTP client of the standard library would cost the supervising process 5 MB for this one line.
    """
    host, port = split(http_address, "http_address")
    try:
        with (
            socket.create_connection((_LOOPBACK.get(host, host), port), timeout=1.0) as plain,
            _encrypted(plain) if tls else plain as connection,
        ):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status_line = connection.makefile("rb").readline(256)
    except OSError:
        return False
    return status_line.split(b" ")[1:2] == [b"200"]


def _encrypted(connection: socket.socket) -> socket.socket:
    import ssl  # only here: it loads OpenSSL into the supervising process

    # Our own child answers here, whatever names its certificate has, and is told nothing.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)
