"""`GET /metrics` over HTTP, in a thread of its own."""

from __future__ import annotations

import logging
import platform
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

import task_server
from task_server.metrics import meter
from task_server.metrics import meters as _meters  # noqa: F401 - declares them
from task_server.metrics.reading import Source

_log = logging.getLogger(__name__)
#: Scrapers take turns; one that says nothing for so long loses its own.
_PATIENCE_SECONDS = 5.0


class Endpoint:
    """Serves what this process has counted, measured and reads, from now until it is closed. One in a process.

    Parameters:
        address: host:port; port 0 takes a free one.
        tls: None for plain text.
        sources: what is read at each scrape.

    Raises OSError where the address can not be listened on.
    """

    def __init__(self, address: str, *sources: Source, tls: ssl.SSLContext | None = None) -> None:
        host, _, port = address.rpartition(":")
        registry = _registry(sources)
        handler = type("Handler", (_Handler,), {"registry": registry})
        self._server = _Server((host.strip("[]"), int(port)), handler, tls)
        _log.info("metrics are served", extra={"address": f"{host}:{self.port}"})
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for each in meter.DECLARED:
            each.begin(None)


class _Server(HTTPServer):
    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None
    ) -> None:
        self._tls = tls
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # The base class looks its own name up, which may ask the network.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        connection.settimeout(_PATIENCE_SECONDS)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as the base class has it
        _log.debug("a scraper went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    server_version, sys_version = "task-server", ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "there is /metrics here, and nothing else")
            return
        body = generate_latest(self.registry)
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing: a scrape every few seconds is no news."""


def _registry(sources: tuple[Source, ...]) -> CollectorRegistry:
    """Prometheus' own of all that is declared, which comes to life with that."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    build = Gauge("task_manager_build_info", "What runs: always 1.", ("version", "python"), registry=registry)
    build.labels(task_server.__version__, platform.python_version()).set(1)
    for each in meter.DECLARED:
        if isinstance(each, meter.Histogram):
            each.begin(Histogram(each.name, each.about, each.labels, buckets=each.bounds, registry=registry))
        else:
            each.begin(Counter(each.name, each.about, each.labels, registry=registry))
    for source in sources:
        registry.register(_Collector(source))
    return registry


class _Collector:
    """Prometheus' view of a source. One that fails is left out of the scrape; the rest is told."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        try:
            readings = self._source()
        except Exception as error:
            _log.warning("some metrics can not be read: %r", error)
            return
        for reading in readings:
            kind = CounterMetricFamily if reading.grows else GaugeMetricFamily
            family = kind(f"task_manager_{reading.name}", reading.about, labels=reading.labels)
            for labels, value in reading.values.items():
                family.add_metric(labels, value)
            yield family
