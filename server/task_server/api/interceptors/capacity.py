"""Refuses calls beyond what this server serves at once, so that those it has go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.domain.errors import ServerBusy


class CapacityInterceptor(AroundInterceptor):
    """Lets at most `most` calls and streams run at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:  # noqa: ARG002 - all calls are alike here
        """Count the call while it runs, or raise ServerBusy."""
        if self._running >= self._most:
            raise ServerBusy
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def idle(self, seconds: float) -> None:
        """Wait until no call runs any more, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
