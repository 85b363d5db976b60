"""Refuses what one token or one owner asks for beyond its share of this server: calls in a while, and streams at once.

Counted in this process alone, so N servers allow N times as much. That is enough: what is protected is this server's own time and
places. What must hold for all servers together, how much an owner stores and runs, is counted in the database.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator

from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.api.interceptors.authentication import current_caller
from task_server.config import Settings
from task_server.domain.errors import RateLimited, TooManyStreams
from task_server.domain.owner import Caller
from task_server.domain.rates import Rates


class LimitsInterceptor(AroundInterceptor):
    """Stands behind authentication: a caller is known by its token and its owner."""

    def __init__(self, settings: Settings) -> None:
        self._per_token = Rates(settings.rate_per_token, settings.burst_per_token)
        self._per_owner = Rates(settings.rate_per_owner, settings.burst_per_owner)
        self._most_streams = {"token": settings.max_streams_per_token, "owner": settings.max_streams_per_owner}
        #: By ("token" or "owner", id), the streams that are open.
        self._streams: Counter[tuple[str, str]] = Counter()

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count the call, or raise RateLimited or TooManyStreams. A call that is refused counts for nothing."""
        caller = current_caller.get()
        self._take(caller)
        if not call.is_stream:
            yield
            return
        with self._open(caller):
            yield

    def _take(self, caller: Caller) -> None:
        token, owner = self._per_token.wait(caller.token_id), self._per_owner.wait(caller.owner.id)
        if token or owner:
            raise RateLimited("token" if token >= owner else "owner", max(token, owner))
        self._per_token.take(caller.token_id)
        self._per_owner.take(caller.owner.id)

    @contextlib.contextmanager
    def _open(self, caller: Caller) -> Iterator[None]:
        keys = (("token", caller.token_id), ("owner", caller.owner.id))
        for key in keys:
            most = self._most_streams[key[0]]
            if most and self._streams[key] >= most:
                raise TooManyStreams(key[0], most)
        self._streams.update(keys)
        try:
            yield
        finally:
            self._streams.subtract(keys)
            for key in keys:
                if not self._streams[key]:
                    del self._streams[key]
