"""A tracked app as Celery's own classes see it: a client that reads JSON alone, and gives up soon."""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from celery import Celery

from task_server.domain.tracked_app import TrackedApp
from task_server.tls.broker import redis_options
from task_server.tracking.results import ANSWER_SECONDS

#: Whoever only listens notices a broker that is gone without a word by nothing else: after a minute.
_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}


def client_of(app: TrackedApp) -> Celery:
    """The client. Nothing is connected yet, and it is nobody's default app.

    Whoever asks it for a connection or a backend gives the URL again: Celery would believe its environment more, in which
    whoever runs other apps on the machine has theirs.
    """
    client = Celery(app.name, set_as_current=False)
    client.conf.update(
        accept_content=["json"],
        result_accept_content=["json"],
        event_serializer="json",
        broker_use_ssl=_broker_tls(app) or None,
        broker_connection_timeout=ANSWER_SECONDS,
        broker_heartbeat=20,
        redis_backend_use_ssl=redis_options(app.backend, app.ca_file, app.cert_file, app.key_file) or None,
        redis_socket_timeout=ANSWER_SECONDS,
        redis_socket_connect_timeout=ANSWER_SECONDS,
        broker_transport_options={
            "socket_connect_timeout": ANSWER_SECONDS,
            "socket_timeout": 10,
            "socket_keepalive": True,
            "socket_keepalive_options": _KEEPALIVE,
            "health_check_interval": 5,
            "max_retries": 1,
            "interval_start": 0,
        },
    )
    return client


def _broker_tls(app: TrackedApp) -> dict[str, Any]:
    if not app.broker.startswith("amqps://"):
        return redis_options(app.broker, app.ca_file, app.cert_file, app.key_file)
    options = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": urlsplit(app.broker).hostname,
        "ca_certs": app.ca_file,
        "certfile": app.cert_file,
        "keyfile": app.key_file,
    }
    return {name: value for name, value in options.items() if value != ""}
