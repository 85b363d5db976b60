"""`task-server up`: starts the whole stack on one machine, says when it serves, and stops it in order."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from task_server.config import PREFIX, ConfigError, Settings, environment
from task_server.embedded import addresses
from task_server.embedded.broker import Broker
from task_server.embedded.child import ChildSpec
from task_server.embedded.data_dir import DataDir
from task_server.embedded.readiness import is_serving
from task_server.embedded.supervisor import Supervisor
from task_server.tls.plaintext import check_listener

logger = logging.getLogger(__name__)

#: Callers first, so that nobody is refused who could have been served; the broker last, which all others use.
_STOP_ORDER = (("gateway",), ("server",), ("prepare", "worker", "scheduler", "tracker"), ("broker",))
#: Whose metrics are on `metrics_address`, and on the ports after it.
_METRICS_PORTS = ("server", "gateway", "worker", "scheduler", "tracker")
#: Who has a use for the sealing keys; nobody else is given those that came by the environment.
_SEALING_ROLES = ("prepare", "server", "worker")
#: How long a role may take to end beyond the time its running work is given.
_STOP_MARGIN_SECONDS = 5.0
#: How long the start may take: a migration of a large database, or a broker that loads its file.
_START_LIMIT_SECONDS = 120.0
_PROBE_SECONDS = 0.05
#: An idle machine takes 2 s.
_TELL_SECONDS = 15.0


def run(settings: Settings) -> int:
    """Run the stack until SIGTERM or SIGINT and return the exit status.

    Raises StackError or ConfigError with one line when it can not start; then nothing is left running.
    """
    check_tls(settings)
    # Database, keys, sockets and logs of all children: for this user alone.
    os.umask(0o077)
    with DataDir(settings.data_dir) as data_dir:
        # The children of an `up` that was killed drain before they leave their ports.
        patience = settings.drain_seconds + _STOP_MARGIN_SECONDS if data_dir.taken_over else 0.0
        broker = Broker(data_dir.path)
        try:
            settings = replace(
                settings,
                data_dir=data_dir.path,
                grpc_address=addresses.claim(settings.grpc_address, "grpc_address", patience),
                http_address=addresses.claim(settings.http_address, "http_address", patience),
                broker_url=broker.url,
            )
            with Supervisor() as supervisor:
                try:
                    return _supervise(supervisor, settings, data_dir, broker)
                finally:
                    supervisor.stop(_STOP_ORDER)
        finally:
            broker.remove_private_directory()


def check_tls(settings: Settings) -> None:
    """Raise ConfigError where the children would refuse to serve, or the gateway could not recognise the server."""
    for name in ("grpc_address", "http_address", *(["metrics_address"] if settings.metrics_address else [])):
        check_listener(settings, name)
    if settings.tls_cert_file and not (settings.gateway_target_ca_file or settings.gateway_target_name):
        raise ConfigError(
            "the gateway reaches the server over TLS: set gateway_target_ca_file to what signed tls_cert_file, "
            "and gateway_target_name to a name in it, unless it has that of grpc_address"
        )
    if settings.tls_client_ca_file and not settings.gateway_target_cert_file:
        raise ConfigError(
            "the server asks for certificates, so the gateway needs one: set gateway_target_cert_file and gateway_target_key_file"
        )


def _supervise(supervisor: Supervisor, settings: Settings, data_dir: DataDir, broker: Broker) -> int:
    supervisor.start(broker.child(data_dir.lock_fd))
    prepare = supervisor.start(_role("prepare", settings))
    # The gateway needs neither database nor broker: it loads while the database is made ready.
    supervisor.start(_role("gateway", settings))

    if not supervisor.wait(lambda: prepare.status is not None and broker.answers(), 0.02, _START_LIMIT_SECONDS):
        return 0
    if prepare.status != 0:
        # It has said why.
        return prepare.status if prepare.status in (1, 2) else 1
    for name in ("server", "worker", "scheduler", *(["tracker"] if settings.tracked_apps_file else [])):
        supervisor.start(_role(name, settings))
    if not supervisor.wait(_serving(settings), _PROBE_SECONDS, _START_LIMIT_SECONDS):
        return 0
    supervisor.settled = True

    _say(f"READY grpc={settings.grpc_address} http={settings.http_address} token={data_dir.admin_token}")
    supervisor.run()
    logger.info("stopping")
    return 0


def _serving(settings: Settings) -> Callable[[], bool]:
    """Whether the stack serves, to be asked again and again; where it is long in coming it says once what to look at."""
    tell_at = time.monotonic() + _TELL_SECONDS

    def look() -> bool:
        nonlocal tell_at
        if is_serving(settings.http_address, bool(settings.tls_cert_file)):
            return True
        if time.monotonic() >= tell_at:
            tell_at = math.inf
            logger.warning("the gateway does not reach a healthy server yet; %s", _advice(settings))
        return False

    return look


def _advice(settings: Settings) -> str:
    if settings.tls_cert_file:
        return "if it does not trust the server, look at gateway_target_ca_file and gateway_target_name"
    return "the lines above say why, or this machine is busy"


def _say(line: str) -> None:
    """Tell people, and whatever started `up` and reads its output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _role(name: str, settings: Settings) -> ChildSpec:
    """Return how to start one of our own commands; -P keeps the current directory out of its import path."""
    if name not in _SEALING_ROLES:
        settings = replace(settings, sealing_keys=())
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-P", "-m", "task_server", name),
        env=child_environment(os.environ, replace(settings, metrics_address=_metrics_address(name, settings))),
        stop_seconds=settings.drain_seconds + settings.stop_grace_seconds + _STOP_MARGIN_SECONDS,
        restart=name != "prepare",
    )


def _metrics_address(name: str, settings: Settings) -> str:
    """Where a role serves its metrics: each needs a port of its own."""
    if not settings.metrics_address or name not in _METRICS_PORTS:
        return ""
    host, port = addresses.split(settings.metrics_address, "metrics_address")
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port + _METRICS_PORTS.index(name) if port else 0}"


def child_environment(own: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the children's environment: this process's, with exactly these settings."""
    rest = {name: value for name, value in own.items() if not name.startswith(PREFIX)}
    return rest | environment(settings)
