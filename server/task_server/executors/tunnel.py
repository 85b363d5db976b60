"""Connections through the operator's egress proxy, by CONNECT (RFC 9110, 9.3.6).

Also those for plain http: so a proxy has one way in, sees no path, header or body, its credentials can not end up with whoever is
called, and what is called can not pass for the proxy's own answer. A proxy has to allow CONNECT to port 80 for that.
"""

from __future__ import annotations

import base64
import re
import socket
from dataclasses import dataclass

from task_server.executors.connection import (
    CONNECT_SECONDS,
    RequestFailed,
    Resolve,
    check_target,
    denied,
    resolve_name,
)
from task_server.executors.egress import EgressPolicy
from task_server.executors.egress_proxy import EgressProxy
from task_server.executors.request_rules import Target, is_address

_MAX_HEAD_BYTES = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
#: Of 4xx, all of which mean that the proxy will not: these mean "not now".
_NOT_NOW = (408, 429)


@dataclass(frozen=True, slots=True)
class TunnelDialer:
    """Connects to one target through a proxy, which looks the name up and judges what it finds.

    Judged here is what the URL says: its host, its port, and its address where it has one.
    """

    target: Target
    policy: EgressPolicy
    proxy: EgressProxy
    resolve: Resolve = resolve_name

    def dial(self) -> socket.socket:
        """Connect. Raises EgressDenied and RequestFailed."""
        check_target(self.target, self.policy)
        refusal = self._refusal()
        if refusal:
            raise denied(self.target, refusal)
        connection = self._connected()
        try:
            connection.sendall(self._request())
            status = _status(connection)
        except OSError:
            status = None
        if status is not None and 200 <= status < 300:
            return connection
        connection.close()
        if status is None:
            message = "The egress proxy did not answer as one."
            raise RequestFailed(message)
        if 400 <= status < 500 and status not in _NOT_NOW:
            # 407 too: some proxies say so for what their rules refuse.
            raise denied(self.target, f"the egress proxy refused with status {status}")
        message = f"The egress proxy could not connect to {self.target.host} port {self.target.port}: status {status}."
        raise RequestFailed(message)

    def _refusal(self) -> str | None:
        host, port = self.target.host, self.target.port
        # RFC 6761, 6.3: these are loopback addresses, and would be the proxy's.
        if f".{host}".removesuffix(".").endswith(".localhost"):
            return self.policy.refusal("127.0.0.1", port)
        if is_address(host):
            return self.policy.refusal(host, port)
        # Nobody knows here which network a name leads to, so that none can open a port for it.
        return self.policy.port_refusal(port)

    def _connected(self) -> socket.socket:
        # What goes wrong is not told in detail: whoever owns the task does not own the proxy.
        try:
            found = self.resolve(self.proxy.host, self.proxy.port)
        except (OSError, UnicodeError):
            found = []
        for family, kind, protocol, _, address in found:
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(CONNECT_SECONDS)
                candidate.connect(address)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # As in a direct connection, nothing below waits on its own clock.
                candidate.settimeout(None)
            except OSError:
                candidate.close()
                continue
            return candidate
        message = "The egress proxy can not be reached."
        raise RequestFailed(message)

    def _request(self) -> bytes:
        host = f"[{self.target.host}]" if ":" in self.target.host else self.target.host
        authority = f"{host}:{self.target.port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self.proxy.credentials:
            encoded = base64.b64encode(self.proxy.credentials.encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {encoded}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def _status(connection: socket.socket) -> int | None:
    """The status of the proxy's answer, None where it is no answer."""
    head = b""
    # Byte by byte, since what follows the head belongs to the target.
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        byte = connection.recv(1)
        if not byte or len(head) == _MAX_HEAD_BYTES:
            return None
        head += byte
    found = _STATUS.match(head)
    return int(found[1]) if found else None
