"""Whether an address can be reached from this machine alone."""

from __future__ import annotations

import ipaddress
import socket

_UNIX = ("unix:", "unix-abstract:")
#: What gRPC may have before the host.
_SCHEMES = ("dns:///", "dns:", "ipv4:", "ipv6:")


def is_local(address: str) -> bool:
    """Tell whether what goes to `host:port`, a host or `unix:path` stays on this machine: a name must resolve to loopback alone.

    What does not resolve, and the wildcards `0.0.0.0` and `::`, are not local.
    """
    if address.startswith(_UNIX):
        return True
    for scheme in _SCHEMES:
        address = address.removeprefix(scheme)
    return all(_is_loopback(host_of(part)) for part in address.split(","))


def host_of(address: str) -> str:
    """The host of `host:port`, `[ipv6]:port` or a bare host."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] if address.count(":") == 1 else address


def _is_loopback(host: str) -> bool:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        return False
    # A scope, as in `::1%lo`, is no part of an address.
    found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    return bool(found) and all(
        (address.ipv4_mapped or address).is_loopback if address.version == 6 else address.is_loopback
        for address in found
    )
