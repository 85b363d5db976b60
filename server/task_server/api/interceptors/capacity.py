"""Refuses calls beyond what this server serves at once, so that those it has go on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.domain.errors import ServerBusy


class CapacityInterceptor(AroundInterceptor):
    """Lets at most `most` calls and streams run at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:  # noqa: ARG002 - all calls are alike here
        """Count the call while it runs, or raise ServerBusy."""
        if self._running >= self._most:
            raise ServerBusy
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
