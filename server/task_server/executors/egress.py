"""Where calls may go: public addresses on usual ports, and what the operator opens, less what the operator denies.

Denied by default is everything that is not the public internet: loopback, private and link-local networks, cloud
metadata, multicast, documentation and benchmark ranges, and IPv6 forms that carry an IPv4 address to one of them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from task_server.executors.host_list import HostList

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_PORTS = (80, 443, 8080, 8443)

#: IANA's special-purpose registry and one cloud's metadata service. The tables of `ipaddress` alone leave gaps.
_DENIED_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
)
#: Everything outside is denied; lists of denied ranges rot when new ones are assigned. Outside are ::1, IPv4-compatible
#: (::a.b.c.d) and translated (::ffff:0:a.b.c.d) addresses, local NAT64 (64:ff9b:1::/48), fc00::/7, fe80::/10, fec0::/10,
#: 5f00::/16 and multicast.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
#: Protocol assignments with Teredo and ORCHID, documentation (two), 6to4, AS112, and the 6bone, which was given back.
_DENIED_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "3ffe::/16")
)
#: RFC 6052: the last 32 bits are an IPv4 address, which is what is judged.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: RFC 5214: the interface identifier of a tunnel to the IPv4 address after it; the second bit says whether that is unique.
_ISATAP, _ISATAP_MASK = 0x00005EFE, 0xFDFFFFFF


class EgressDenied(Exception):
    """A call may not go there. Deliberately no OSError: nothing may take it for a network fault and try again."""


@dataclass(frozen=True, slots=True)
class _Opening:
    network: _Network
    #: None for all.
    ports: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Where calls may go. What is denied stays denied, whatever else allows it.

    Networks decide about addresses. An entry of `allow_networks` is a network, which is opened on the usual ports, or a
    network and its ports: `*` for all, or numbers joined by `+`, as in "10.1.0.0/16", "127.0.0.0/8=*",
    "fd00::/8=8000+9000". An entry of `deny_networks` is a network, on every port.

    Hosts decide about what stands in the URL, before it is looked up: a name, or `*.` and a name for all below it. Where
    `allow_hosts` has any, nothing else may be called, and to be named there opens no address that is not open.

    Raises ValueError for an entry or port that is none.
    """

    allow_networks: tuple[str, ...] = ()
    #: The usual ports.
    ports: tuple[int, ...] = DEFAULT_PORTS
    deny_networks: tuple[str, ...] = ()
    #: Empty for all.
    allow_hosts: tuple[str, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    _openings: tuple[_Opening, ...] = field(init=False, repr=False, compare=False)
    _denied: tuple[_Network, ...] = field(init=False, repr=False, compare=False)
    _allowed_hosts: HostList = field(init=False, repr=False, compare=False)
    _denied_hosts: HostList = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the entries once."""
        for port in self.ports:
            _checked_port(str(port), str(port))
        if not self.ports and not self.allow_networks:
            message = "without a port nothing can be called; name one at least"
            raise ValueError(message)
        parts = {
            "_openings": tuple(_opening(entry, self.ports) for entry in self.allow_networks),
            "_denied": tuple(_network(entry, entry) for entry in self.deny_networks),
            "_allowed_hosts": HostList(self.allow_hosts),
            "_denied_hosts": HostList(self.deny_hosts),
        }
        for name, value in parts.items():
            object.__setattr__(self, name, value)
        for host in self._denied_hosts.addresses:
            message = f"{host!r} is an address, which also has other names; deny its network instead"
            raise ValueError(message)

    def target_refusal(self, host: str, port: int) -> str | None:
        """Why this host, as a URL has it, may not be called on this port whatever its address is, or None."""
        if host in self._denied_hosts:
            return "the operator denies this host"
        if self.allow_hosts and host not in self._allowed_hosts:
            return "it is none of the hosts that the operator allows"
        if any(opening.ports is None or port in opening.ports for opening in self._openings):
            return None
        return self.port_refusal(port)

    def port_refusal(self, port: int) -> str | None:
        """Why this port may not be called where no network opens it, or None."""
        return None if port in self.ports else f"the port is not one of {', '.join(map(str, self.ports))}"

    def refusal(self, address: str, port: int) -> str | None:
        """Why nothing may be sent to this address and port, or None."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return "the address is of no known kind"
        if isinstance(ip, ipaddress.IPv6Address) and ip.scope_id:
            return "the address is one of a single link"
        judged = _embedded_ipv4(ip) or ip
        # In both its forms: a network of the other family contains no address of this one.
        if any(ip in network or judged in network for network in self._denied):
            return "the operator denies the address"
        for opening in self._openings:
            if judged in opening.network and (opening.ports is None or port in opening.ports):
                return None
        if not _is_public(judged):
            return "the address is not public"
        return self.port_refusal(port)


def _opening(entry: str, usual_ports: tuple[int, ...]) -> _Opening:
    network, separator, ports = entry.partition("=")
    parsed = _network(network, entry)
    if not separator:
        return _Opening(parsed, frozenset(usual_ports))
    if ports.strip() == "*":
        return _Opening(parsed, None)
    return _Opening(parsed, frozenset(_checked_port(port.strip(), entry) for port in ports.split("+")))


def _network(text: str, entry: str) -> _Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        message = f"{entry!r} is no network: {error}"
        raise ValueError(message) from error


def _checked_port(port: str, entry: str) -> int:
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        message = f"{entry!r}: {port!r} is no port"
        raise ValueError(message)
    return int(port)


def _embedded_ipv4(ip: _Address) -> ipaddress.IPv4Address | None:
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped


def _is_public(ip: _Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in network for network in _DENIED_IPV4)
    if int(ip) >> 32 & _ISATAP_MASK == _ISATAP:
        return False
    return ip.is_global and ip in _GLOBAL_IPV6 and not any(ip in network for network in _DENIED_IPV6)
