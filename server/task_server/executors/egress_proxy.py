"""The proxy that the operator has all calls go through."""

from __future__ import annotations

from dataclasses import dataclass, field

from task_server.executors.request_rules import BadUrl, parse_url


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """Where the proxy is. Its own address is not judged: the operator named it."""

    host: str
    port: int
    #: `user:password`, empty for none.
    credentials: str = field(default="", repr=False)


def read_proxy(url: str, credentials: str) -> EgressProxy:
    """The proxy of a URL, as `http://proxy.internal:4750`. Raises ValueError, without the credentials in it."""
    try:
        target = parse_url(url)
    except BadUrl as error:
        message = f"egress_proxy: the URL can not be used: {error}"
        raise ValueError(message) from None
    if target.scheme != "http" or target.path != "/":
        message = "egress_proxy must be http://host:port and nothing more; what is called over it keeps its own TLS"
        raise ValueError(message)
    return EgressProxy(target.host, target.port, credentials)
