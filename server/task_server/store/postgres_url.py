"""What the URL of a PostgreSQL database has to say before anything is sent there."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from task_server.config import ConfigError
from task_server.tls.loopback import is_local

#: Modes in which libpq checks who the server is. `require` encrypts, for whoever stands in between.
_CHECKED = ("verify-full", "verify-ca")


def check(url: str, *, insecure: bool) -> None:
    """Raise ConfigError for what is no URL, and for a server elsewhere without checked TLS, unless `insecure`."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The driver's words may have a part of the password in them.
        reason = "database_url can not be read: write special characters of the user and the password as %XX"
        raise ConfigError(reason) from None
    if insecure or given.get("sslmode") in _CHECKED:
        return
    for host in _hosts(given):
        if not is_local(host):
            raise ConfigError(
                f"database_url leads to {host} without TLS that is checked: add ?sslmode=verify-full&sslrootcert=FILE, "
                "or set insecure (--insecure) where the network itself is protected"
            )


def _hosts(given: Mapping[str, object]) -> list[str]:
    """Where libpq would connect to, its environment included; a socket's directory as `unix:`."""
    if given.get("service") or os.environ.get("PGSERVICE"):
        return ["a service file's host"]
    hosts = (
        given.get("hostaddr") or given.get("host") or os.environ.get("PGHOSTADDR") or os.environ.get("PGHOST") or "/"
    )
    return [f"unix:{host}" if host[:1] in ("/", "@", "") else host for host in str(hosts).split(",")]
