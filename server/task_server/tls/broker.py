"""How the broker is trusted. Both kombu and redis-py take these options, and by themselves one of the two would check nothing."""

from __future__ import annotations

import ssl
from typing import Any

from task_server.config import Settings


def broker_options(settings: Settings) -> dict[str, Any]:
    """The TLS options of a connection to the broker, whose certificate and name are checked. Empty where its URL asks for none."""
    if not settings.broker_url.startswith("rediss://"):
        return {}
    options = {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        "ssl_ca_certs": settings.broker_ca_file,
        "ssl_certfile": settings.broker_cert_file,
        "ssl_keyfile": settings.broker_key_file,
    }
    return {name: value for name, value in options.items() if value != ""}
