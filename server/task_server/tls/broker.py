"""How a Redis server is trusted. Both kombu and redis-py take these options, and by itself one of the two would check nothing."""

from __future__ import annotations

import ssl
from typing import Any

from task_server.config import Settings


def broker_options(settings: Settings) -> dict[str, Any]:
    """The TLS options of a connection to the broker, whose certificate and name are checked. Empty where its URL asks for none."""
    return redis_options(
        settings.broker_url, settings.broker_ca_file, settings.broker_cert_file, settings.broker_key_file
    )


def redis_options(url: str, ca_file: str, cert_file: str, key_file: str) -> dict[str, Any]:
    """The same for the Redis server at `url`; an empty file means the machine's authorities, or no certificate."""
    if not url.startswith("rediss://"):
        return {}
    options = {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        "ssl_ca_certs": ca_file,
        "ssl_certfile": cert_file,
        "ssl_keyfile": key_file,
    }
    return {name: value for name, value in options.items() if value != ""}
