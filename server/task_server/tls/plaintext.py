"""What may go in plain text: what stays on this machine, and the rest only where the operator said so."""

from __future__ import annotations

from task_server.config import ConfigError, Settings
from task_server.tls.loopback import is_local

_UNLESS = "or insecure (--insecure) where the network itself is protected"


def check_listener(settings: Settings, name: str) -> None:
    """Raise ConfigError where the listener of the setting `name` would be reached from other machines without TLS."""
    address = str(getattr(settings, name))
    if settings.tls_cert_file or settings.insecure or is_local(address):
        return
    raise ConfigError(
        f"{name} {address} is reached from other machines, and tokens would go there in plain text: "
        f"set tls_cert_file and tls_key_file, {_UNLESS}"
    )


def check_broker(settings: Settings) -> None:
    """Raise ConfigError where the broker is on another machine and its URL does not ask for TLS."""
    check_url(settings.broker_url, "broker_url", insecure=settings.insecure)


def check_url(url: str, name: str, *, insecure: bool) -> None:
    """Raise ConfigError where a Redis or AMQP server is on another machine and its URL, called `name`, does not ask for TLS."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("redis", "amqp") or insecure or is_local(parts.hostname or "localhost"):
        return
    raise ConfigError(f"{name} leads to {parts.hostname} in plain text: begin it with {parts.scheme}s://, {_UNLESS}")
