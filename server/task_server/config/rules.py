"""What settings must be, each by itself and together."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from task_server.config.settings import Settings

#: The numbers for which 0 has a meaning; all others are more than 0.
_MAY_BE_ZERO = (
    "worker_concurrency",
    "max_connection_age_seconds",
    "rate_per_token",
    "rate_per_owner",
    "max_streams_per_token",
    "max_streams_per_owner",
    "rate_per_failing_peer",
    "max_tasks_per_owner",
    "max_schedules_per_owner",
    "max_queued_per_owner",
    "max_running_per_owner",
    "max_source_bytes_per_owner",
    "max_result_bytes_per_owner",
    "max_executions_per_owner",
    "max_locks_per_owner",
    "stop_grace_seconds",
    "drain_seconds",
    "retain_executions_seconds",
    "retain_executions_per_task",
    "retain_logs_seconds",
    "retain_events_seconds",
    "retain_events",
    "retain_audit_seconds",
    "tracking_vanished_after_seconds",
)
#: What must be kept longer than a call may take, and why.
_OUTLAST_A_CALL = {
    "retain_executions_seconds": "a creation that is repeated finds what the first one made",
    "retain_events_seconds": "the watch token of an answer still works when the answer comes",
}
#: The database itself refuses to give up younger events.
_SHORTEST_AUDIT_SECONDS = 30 * 86_400.0
#: Below this a child could outlive its lease by the time that it takes the kernel to kill it.
_SHORTEST_HEARTBEAT_SECONDS = 0.1


def violations(settings: Settings) -> list[str]:
    """All that is wrong, a line each, with what to write instead."""
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    numbers = {name: value for name, value in values.items() if type(value) in (int, float)}
    # Written so that NaN, which compares with nothing, is wrong too.
    wrong = [
        f"{name} must be {'0 or more' if name in _MAY_BE_ZERO else 'more than 0'}"
        for name, value in numbers.items()
        if not (math.isfinite(value) and (value > 0 or (value == 0 and name in _MAY_BE_ZERO)))
    ]
    if settings.lease_seconds < 3 * settings.heartbeat_seconds * (1 - 1e-9):  # 3 * 0.8 is more than 2.4
        wrong.append("lease_seconds must be at least 3 times heartbeat_seconds, so that two missed beats lose no lease")
    if settings.heartbeat_seconds < _SHORTEST_HEARTBEAT_SECONDS:
        wrong.append(
            f"heartbeat_seconds must be at least {_SHORTEST_HEARTBEAT_SECONDS:g}: half of it is left for a child to die in "
            "before its lease ends"
        )
    if settings.stop_poll_seconds > settings.heartbeat_seconds:
        wrong.append("stop_poll_seconds must not be more than heartbeat_seconds: a stop is no less urgent than a lease")
    if settings.default_timeout_seconds > settings.max_timeout_seconds:
        wrong.append("default_timeout_seconds must not be more than max_timeout_seconds")
    for name, why in _OUTLAST_A_CALL.items():
        if 0 < values[name] < settings.max_call_seconds:
            wrong.append(f"{name} must be 0 or at least max_call_seconds, so that {why}")
    if 0 < settings.retain_audit_seconds < _SHORTEST_AUDIT_SECONDS:
        wrong.append("retain_audit_seconds must be 0 or at least 2592000 (30 days): the table gives up nothing younger")
    if settings.database_url and not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        wrong.append("database_url must begin with sqlite:/// or postgresql://")
    if not settings.broker_url.startswith(("redis://", "rediss://", "redis+socket://")):
        wrong.append("broker_url must begin with redis://, rediss:// or redis+socket://")
    if not _has_port(settings.broker_url):
        wrong.append("broker_url can not be read: write special characters of the user and the password as %XX")
    if "ssl_" in settings.broker_url.partition("?")[2]:
        # kombu and redis-py each read their own of them, and one of them turns off all checks.
        wrong.append("broker_url must say nothing of TLS but rediss://; set broker_ca_file, broker_cert_file")
    for name, example in (("http_address", "127.0.0.1:8080"), ("metrics_address", "127.0.0.1:9464")):
        _, colon, port = values[name].rpartition(":")
        is_off = name == "metrics_address" and not values[name]
        if not is_off and (not colon or not port.isdecimal() or int(port) > 65_535):
            wrong.append(f"{name} must be host:port, as {example}")
    wrong += [
        f"trusted_proxies must be networks, as 10.1.0.0/16, not {network!r}"
        for network in settings.trusted_proxies
        if not _is_network(network)
    ]
    wrong += [
        f"{prefix}_cert_file and {prefix}_key_file go together: set both or none"
        for prefix in ("tls", "gateway_target", "broker")
        if bool(values[f"{prefix}_cert_file"]) != bool(values[f"{prefix}_key_file"])
    ]
    if settings.tls_client_ca_file and not settings.tls_cert_file:
        wrong.append("tls_client_ca_file needs tls_cert_file and tls_key_file: callers show certificates over TLS only")
    wrong += _wrong_egress(settings)
    if settings.sealing_key_file and settings.sealing_keys:
        wrong.append("sealing_key_file and sealing_keys exclude one another; set one of them")
    if not settings.worker_queues:
        wrong.append("worker_queues must name at least one queue")
    if settings.sandbox_namespaces not in ("auto", "off"):
        wrong.append("sandbox_namespaces must be auto or off")
    if settings.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        wrong.append("log_level must be DEBUG, INFO, WARNING or ERROR")
    if settings.log_format not in ("text", "json"):
        wrong.append("log_format must be text or json")
    return wrong


def _has_port(url: str) -> bool:
    """Whether what stands where the port does is one: of a password with a / or # in it, a part would."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _wrong_egress(settings: Settings) -> list[str]:
    """What is wrong with where API tasks may go, as far as it can be said here; the executors read the entries."""
    wrong = []
    if not settings.egress_ports:
        wrong.append("egress_ports must name at least one port, as 443")
    wrong += [
        f"egress_ports: {port} is not between 1 and 65535" for port in settings.egress_ports if not 0 < port < 65_536
    ]
    if settings.egress_proxy and not settings.egress_proxy.startswith("http://"):
        wrong.append("egress_proxy must be http://host:port")
    if "@" in settings.egress_proxy:
        wrong.append("egress_proxy must not have credentials in it; set egress_proxy_credentials")
    if settings.egress_proxy_credentials and not settings.egress_proxy:
        wrong.append("egress_proxy_credentials needs egress_proxy")
    if settings.egress_proxy_credentials and (
        ":" not in settings.egress_proxy_credentials or not settings.egress_proxy_credentials.isprintable()
    ):
        wrong.append("egress_proxy_credentials must be user:password")
    return wrong
