"""HTTP connections that can only lead to addresses that were judged."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request_rules import Target

#: One address out of several; the run's own timeout limits everything together.
_CONNECT_SECONDS = 10.0
#: A name with more addresses than this is an attack or a mistake.
_MAX_ADDRESSES = 20

#: (family, type, protocol, canonical name, socket address), as socket.getaddrinfo has it.
AddressInfo = tuple[Any, Any, int, str, Any]
Resolve = Callable[[str, int], Sequence[AddressInfo]]


class RequestFailed(Exception):
    """There was no answer; the message is one sentence for the task's owner."""


def resolve_name(host: str, port: int) -> Sequence[AddressInfo]:
    """The addresses of a host, by the system's resolver. Raises OSError and UnicodeError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def vetted_addresses(target: Target, policy: EgressPolicy, resolve: Resolve = resolve_name) -> Sequence[AddressInfo]:
    """Look the host up, once, and judge every answer.

    Raises EgressDenied when any of them is not allowed, RequestFailed when there is none.
    """
    refusal = policy.port_refusal(target.port)
    if refusal:
        message = f"Calls to {target.host} port {target.port} are not allowed: {refusal}."
        raise EgressDenied(message)
    try:
        found = resolve(target.host, target.port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        message = f"The name {target.host!r} does not resolve to an address."
        raise RequestFailed(message)
    if len(found) > _MAX_ADDRESSES:
        message = f"Calls to {target.host} are not allowed: the name has {len(found)} addresses."
        raise EgressDenied(message)
    for family, _, _, _, address in found:
        known = family in (socket.AF_INET, socket.AF_INET6)
        refusal = policy.refusal(address[0], target.port) if known else "the address is of no known kind"
        if refusal:
            # The address itself is not told: it would let a task map the operator's network.
            message = f"Calls to {target.host} port {target.port} are not allowed: {refusal}."
            raise EgressDenied(message)
    return found


class GuardedConnection(http.client.HTTPConnection):
    """A connection to a target whose address was judged; there is no second lookup between judging and connecting."""

    def __init__(self, target: Target, policy: EgressPolicy, tls: ssl.SSLContext, resolve: Resolve = resolve_name):
        super().__init__(target.host, target.port)
        # Decides whether the Host header carries the port.
        self.default_port = 443 if target.scheme == "https" else 80
        self._target = target
        self._policy = policy
        self._tls = tls
        self._resolve = resolve

    def connect(self) -> None:
        """Connect to the first address that takes the connection. Raises EgressDenied and RequestFailed."""
        connected = self._connected_socket(vetted_addresses(self._target, self._policy, self._resolve))
        if self._target.scheme == "https":
            # The certificate must be that of the name, whatever address it is at.
            connected = self._tls.wrap_socket(connected, server_hostname=self._target.host)
        # Nothing below waits on its own clock: the run's timeout ends this process.
        connected.settimeout(None)
        self.sock = connected

    def _connected_socket(self, addresses: Sequence[AddressInfo]) -> socket.socket:
        problem = ""
        for family, kind, protocol, _, address in addresses:
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(_CONNECT_SECONDS)
                candidate.connect(address)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = candidate.getpeername()[0]
            except OSError as error:
                candidate.close()
                problem = "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or "failed")
                continue
            if self._policy.refusal(peer, self._target.port):
                candidate.close()
                message = f"Calls to {self._target.host} are not allowed: the connection leads elsewhere."
                raise EgressDenied(message)
            return candidate
        message = f"Could not connect to {self._target.host} port {self._target.port}: {problem}."
        raise RequestFailed(message)
