"""Who is at the other end of a connection, and how often it may fail to prove who it is."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from task_server.api.interceptors.around import Call
from task_server.domain.errors import InvalidCredentials, RateLimited
from task_server.domain.rates import Rates

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: What one subscriber of IPv6 is given at least: whoever has one address of it has all (RFC 6177).
_IPV6_SITE = 64
_FORWARDED_FOR = "x-forwarded-for"


class FailingPeers:
    """Lets each peer fail to authenticate so often and no more: an unknown token costs a look into the database.

    A token that is known already is not asked for again, and so works whatever others behind the same address do.

    Parameters:
        trusted: networks of gateways and proxies, whose `x-forwarded-for` is believed. Unix sockets are trusted.
    """

    def __init__(self, rates: Rates, trusted: Sequence[str]) -> None:
        self._rates = rates
        self._trusted = [ipaddress.ip_network(network) for network in trusted]

    @contextlib.contextmanager
    def attempt(self, call: Call) -> Iterator[None]:
        """Try to authenticate. Raises RateLimited, before anything is looked up, where the peer failed too often."""
        peer = self.of(call)
        if wait := self._rates.wait(peer):
            raise RateLimited("peer", wait)
        # Taken before it is known how it ends, so that no more are tried at once than may fail.
        self._rates.take(peer)
        try:
            yield
        except InvalidCredentials:
            raise
        except BaseException:
            self._rates.give_back(peer)
            raise
        self._rates.give_back(peer)

    def of(self, call: Call) -> str:
        """Whom a call counts for."""
        return self.peer(call.context.peer(), call.values(_FORWARDED_FOR))

    def peer(self, connected: str, forwarded_for: Sequence[str]) -> str:
        """Whom failures are counted for: an address, or the first 64 bits of an IPv6 one.

        That of the connection, unless it is trusted. Then what it says: each proxy writes behind the others whom it got the call
        from, so of that the last one that is not trusted; what stands before anybody could have written.
        """
        address = _connected(connected)
        if address is not None and not self._is_trusted(address):
            return _site(address)
        chain = [entry.strip() for value in forwarded_for for entry in value.split(",")]
        for entry in reversed(chain):
            try:
                address = ipaddress.ip_address(entry)
            except ValueError:
                break
            if not self._is_trusted(address):
                break
        return _site(address) if address is not None else "unix"

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _connected(peer: str) -> _Address | None:
    """The address in gRPC's word for a peer, `ipv4:1.2.3.4:567` or `ipv6:%5B::1%5D:567`; None for a Unix socket."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return None
    host = unquote(rest).rpartition(":")[0].strip("[]")
    return ipaddress.ip_address(host.partition("%")[0])


def _site(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_SITE), strict=False))
    return str(address)
