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
    from urllib.parse import urlsplit

    url = urlsplit(settings.broker_url)
    if url.scheme != "redis" or settings.insecure or is_local(url.hostname or "localhost"):
        return
    raise ConfigError(
        f"broker_url leads to {url.hostname} in plain text: begin it with rediss://, {_UNLESS}",
    )
