"""What an API task may ask for, as far as it can be said without asking the network.

Standard library only, so that a task can be checked when it is made. The same rules hold again when it runs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from task_server.domain.actions import HTTP_METHODS

MAX_URL_CHARACTERS = 2_048
MAX_HEADERS = 64
#: Names and values together.
MAX_HEADER_BYTES = 16 * 1024

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?")
_NAME_AND_PORT = re.compile(r"(?P<host>[^:\[\]]+)(:(?P<port>[0-9]{0,5}))?")
_IPV6_AND_PORT = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\](:(?P<port>[0-9]{0,5}))?")
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_MAX_HOST_CHARACTERS = 253
#: What a host ends with that is meant as an IPv4 address: a number, which is no top-level domain (RFC 3696, 2).
_NUMBER_AT_END = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)\.?$")
#: Left as they are in a path or query; a "%" too, since what is encoded already must not be encoded again.
_PLAIN_IN_URL = "!$%&'()*+,/:;=?@[]~"
#: RFC 9110, 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: These frame the message, speak to the next hop, or count attempts: they are made here and nowhere else.
_OUR_OWN = frozenset(
    {
        *("connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "te", "trailer"),
        *("transfer-encoding", "upgrade", "x-attempt"),
    }
)


class BadUrl(ValueError):
    """The URL can not be called; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart once. Whoever connects uses these parts and never looks at the text again."""

    #: "http" or "https".
    scheme: str
    #: A name in ASCII and lower case, or an address, IPv6 without brackets.
    host: str
    port: int
    #: Path and query, percent-encoded.
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who gets what is sent."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The URL again, normalised and without a fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def joined(self, reference: str) -> Target:
        """Where a reference in an answer of this target leads. Raises BadUrl."""
        if not reference.isprintable() or " " in reference:
            message = "it redirects to a URL with a space or a control character"
            raise BadUrl(message)
        try:
            joined = urljoin(self.url, reference)
        except ValueError:
            message = "it redirects to a URL whose host can not be read"
            raise BadUrl(message) from None
        return parse_url(joined)


def parse_url(url: str, params: Mapping[str, Any] | None = None) -> Target:
    """Take a URL apart and add query parameters.

    Raises BadUrl for everything but plain http and https URLs: where two parsers could disagree there is no URL.
    """
    if not url:
        message = "it is empty"
        raise BadUrl(message)
    if len(url) > MAX_URL_CHARACTERS:
        message = f"it has {len(url)} characters; at most {MAX_URL_CHARACTERS} are allowed"
        raise BadUrl(message)
    if not url.isprintable() or " " in url or "\\" in url:
        message = "it contains a space, a backslash or a control character; percent-encode it"
        raise BadUrl(message)
    parts = _URL.match(url)
    if parts is None:
        message = "it is no absolute URL; write http://host/path or https://host/path"
        raise BadUrl(message)
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        message = f"its scheme is {scheme!r}; only http and https are allowed"
        raise BadUrl(message)
    if "@" in parts["authority"]:
        message = "it contains credentials; send them in a header"
        raise BadUrl(message)
    host, port = _host_and_port(parts["authority"])
    query = "&".join(part for part in (parts["query"], _query(params or {})) if part)
    path = quote(parts["path"] or "/", safe=_PLAIN_IN_URL)
    if query:
        path += "?" + quote(query, safe=_PLAIN_IN_URL)
    return Target(scheme, host, port or _DEFAULT_PORTS[scheme], path)


def read_host(text: str) -> str:
    """A host, IPv6 in brackets, as `Target` has it. Raises BadUrl."""
    host, port = _host_and_port(text)
    if port is not None:
        message = f"it has a port, {port}"
        raise BadUrl(message)
    return host


def is_address(host: str) -> bool:
    """Whether a host, as `Target` has it, is an address and no name."""
    return ":" in host or _NUMBER_AT_END.search(host) is not None


def check_url(url: str) -> str | None:
    """What is wrong with the URL of a task, or None."""
    try:
        parse_url(url)
    except BadUrl as error:
        return str(error)
    return None


def check_method(method: str) -> str | None:
    """What is wrong with the method of a task, or None."""
    if method in HTTP_METHODS:
        return None
    return f"{method[:20]!r} is not one of {', '.join(HTTP_METHODS)}"


def check_headers(headers: Mapping[str, str]) -> str | None:
    """Everything that is wrong with the headers of a task, or None. Of too many nothing but that is said."""
    if len(headers) > MAX_HEADERS:
        return f"there are {len(headers)}; at most {MAX_HEADERS} are allowed"
    problems = [problem for name, value in headers.items() if (problem := _check_header(name, value))]
    names = [name.lower() for name in headers]
    problems += [f"{name!r} is given twice" for name in sorted({name for name in names if names.count(name) > 1})]
    size = sum(len(name) + len(value.encode("utf-8", "replace")) for name, value in headers.items())
    if size > MAX_HEADER_BYTES:
        problems.append(f"they have {size} bytes; at most {MAX_HEADER_BYTES} are allowed")
    return "; ".join(problems) or None


def is_header_name(name: str) -> bool:
    """Whether a header may be called so."""
    return _TOKEN.fullmatch(name) is not None


def check_params(params: Mapping[str, Any]) -> str | None:
    """What is wrong with the query parameters of a task, or None."""
    for name, value in params.items():
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str | int | float | bool):
                return f"{name[:50]!r} must be text, a number, a boolean or a list of them"
    return None


def _check_header(name: str, value: str) -> str | None:
    if not is_header_name(name):
        return f"{name[:50]!r} is no header name"
    if name.lower() in _OUR_OWN or name.lower().startswith("proxy-"):
        return f"{name!r} is set by the service and can not be given"
    if _CONTROL.search(value):
        return f"the value of {name!r} contains a control character"
    return None


def _host_and_port(authority: str) -> tuple[str, int | None]:
    parts = (_IPV6_AND_PORT if authority.startswith("[") else _NAME_AND_PORT).fullmatch(authority)
    if parts is None:
        message = f"its host {authority[:100]!r} can not be read" if authority else "it has no host"
        raise BadUrl(message)
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and not 0 < port < 65_536:
        message = f"its port {port} is not between 1 and 65535"
        raise BadUrl(message)
    host = parts["host"]
    try:
        if authority.startswith("["):
            return str(ipaddress.IPv6Address(host)), port
        # A name in another script is compared, looked up and shown in its ASCII form, so that it has only one.
        name = (host if host.isascii() else host.encode("idna").decode("ascii")).lower()
    except ValueError:
        name = ""
    if len(name) > _MAX_HOST_CHARACTERS or not _HOST_NAME.fullmatch(name):
        message = f"its host {host[:100]!r} is no host name"
        raise BadUrl(message)
    if _NUMBER_AT_END.search(name) and not _is_plain_ipv4(name):
        # "127.1", "0x7f000001" and "0177.0.0.1" are read in more than one way, and a proxy reads them for itself.
        message = f"its host {host[:100]!r} is neither a name nor an address in the usual form, as 192.0.2.1"
        raise BadUrl(message)
    return name, port


def _is_plain_ipv4(name: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(name)) == name
    except ValueError:
        return False


def _query(params: Mapping[str, Any]) -> str:
    pairs = []
    for name, value in params.items():
        pairs += [(name, _query_value(item)) for item in (value if isinstance(value, list) else [value])]
    return urlencode(pairs, quote_via=quote)


def _query_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
