"""Whether this process serves its metrics, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from task_server.config import Settings
from task_server.metrics.reading import Source
from task_server.tls.plaintext import check_listener


class MetricsAddressError(Exception):
    """The address can not be listened on; the message says which, and why."""


@contextlib.contextmanager
def served(settings: Settings, *sources: Source) -> Iterator[None]:
    """Serve the metrics of this process while the block runs; nothing where `metrics_address` is empty.

    Raises ConfigError for an address that other machines reach in plain text, MetricsAddressError for one that can not be
    listened on, CertificateError for a certificate that is none.
    """
    if not settings.metrics_address:
        yield
        return
    check_listener(settings, "metrics_address")
    from task_server.metrics.endpoint import Endpoint
    from task_server.tls.certificate import CertificateFiles
    from task_server.tls.listener import http_context

    certificate = CertificateFiles.of(settings)
    context = http_context(certificate) if certificate is not None else None
    try:
        endpoint = Endpoint(settings.metrics_address, *sources, tls=context)
    except OSError as error:
        message = f"the metrics address {settings.metrics_address} can not be listened on: {error.strerror}"
        raise MetricsAddressError(message) from error
    try:
        yield
    finally:
        endpoint.close()
