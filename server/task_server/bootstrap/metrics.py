"""The metrics of a process, served while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from task_server.bootstrap.errors import StartError
from task_server.config import Settings
from task_server.metrics.reading import Source
from task_server.metrics.serving import MetricsAddressError, served


@contextlib.contextmanager
def serving_metrics(settings: Settings, *sources: Source) -> Iterator[None]:
    """Serve the metrics of this process while the block runs, if it shall. Raises StartError."""
    with contextlib.ExitStack() as serving:
        try:
            serving.enter_context(served(settings, *sources))
        except MetricsAddressError as error:
            raise StartError(str(error)) from error
        yield
