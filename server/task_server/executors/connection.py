"""HTTP connections that can only lead to addresses that were judged."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from urllib3.connection import HTTPConnection, HTTPSConnection

from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request_rules import Target

#: One address out of several; the run's own timeout limits everything together.
CONNECT_SECONDS = 10.0
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
    check_target(target, policy)
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
            raise denied(target, refusal)
    return found


def check_target(target: Target, policy: EgressPolicy) -> None:
    """Judge what the URL says, before anybody is asked for its address. Raises EgressDenied."""
    refusal = policy.target_refusal(target.host, target.port)
    if refusal:
        raise denied(target, refusal)


def denied(target: Target, why: str) -> EgressDenied:
    """The refusal of a target, for the task's owner."""
    return EgressDenied(f"Calls to {target.host} port {target.port} are not allowed: {why}.")


class Dialer(Protocol):
    """Connects to one target."""

    @property
    def target(self) -> Target:
        """Where it leads."""

    def dial(self) -> socket.socket:
        """Connect. Raises EgressDenied and RequestFailed."""


@dataclass(frozen=True, slots=True)
class DirectDialer:
    """Connects to one target, at an address that was judged: there is no second lookup between judging and connecting."""

    target: Target
    policy: EgressPolicy
    resolve: Resolve = resolve_name

    def dial(self) -> socket.socket:
        """Connect to the first address that takes the connection. Raises EgressDenied and RequestFailed."""
        problem = ""
        for family, kind, protocol, _, address in vetted_addresses(self.target, self.policy, self.resolve):
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(CONNECT_SECONDS)
                candidate.connect(address)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = candidate.getpeername()[0]
            except OSError as error:
                candidate.close()
                problem = "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or "failed")
                continue
            if self.policy.refusal(peer, self.target.port):
                candidate.close()
                message = f"Calls to {self.target.host} are not allowed: the connection leads elsewhere."
                raise EgressDenied(message)
            # Nothing below waits on its own clock: the run's timeout ends this process.
            candidate.settimeout(None)
            return candidate
        message = f"Could not connect to {self.target.host} port {self.target.port}: {problem}."
        raise RequestFailed(message)


class GuardedConnection(HTTPConnection):
    """A connection to a dialer's target, whatever urllib3 made of the URL that it was given."""

    def __init__(self, *args: Any, dialer: Dialer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialer = dialer

    def _new_conn(self) -> socket.socket:
        return self._dialer.dial()

    def putrequest(
        self,
        method: str,
        url: str,  # noqa: ARG002 - the path as urllib3 rewrote it
        skip_host: bool = False,
        skip_accept_encoding: bool = False,
    ) -> None:
        """Begin the request, with the path as it was judged."""
        super().putrequest(method, self._dialer.target.path, skip_host, skip_accept_encoding)


class GuardedTlsConnection(GuardedConnection, HTTPSConnection):
    """The same with TLS, where the certificate must be that of the name, whatever address it is at."""
