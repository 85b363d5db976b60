"""Streams that are open, whose callers are looked at again: a revoked token ends them as it refuses new calls."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from task_server.auth.credentials import REFUSAL, Credentials
from task_server.domain.errors import DatabaseUnavailable, InternalDefect, InvalidCredentials, TaskServiceError
from task_server.domain.owner import Caller

_log = logging.getLogger(__name__)
#: How often. With the time for which an answer is believed it is less than the 5 s within which a revocation has to be seen.
_LOOK_SECONDS = 1.0

#: Who the credentials prove now. Raises InvalidCredentials.
Identify = Callable[[Credentials], Awaitable[Caller]]


class _Stream:
    """One stream: what it waits for, and what ends it."""

    def __init__(self) -> None:
        self._error: TaskServiceError | None = None
        self._wait: asyncio.Timeout | None = None

    def end(self, error: TaskServiceError) -> None:
        """Raise the error in `next`: at once, or when the message that is being sent has gone. The first one counts."""
        if self._error is not None:
            # What it waits for may take its time to end, and is ended once.
            return
        self._error = error
        if self._wait is not None:
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def next(self, responses: AsyncIterator[Any]) -> Any:
        """The next message. Raises StopAsyncIteration, and the error that ends the stream."""
        if self._error is not None:
            raise self._error
        try:
            async with asyncio.timeout(None) as self._wait:
                return await anext(responses)
        except TimeoutError:
            if self._error is None:
                raise
            raise self._error from None
        finally:
            self._wait = None


class OpenStreams:
    """All open streams of this server, by what proved their callers: each credentials are looked at once, however many use them."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._streams: dict[tuple[Credentials, Caller], set[_Stream]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def guarded(
        self, credentials: Credentials, caller: Caller, responses: AsyncGenerator[Any, None]
    ) -> AsyncGenerator[Any, None]:
        """The messages of a stream, until its credentials do not prove this caller any more. Raises InvalidCredentials then."""
        stream, key = _Stream(), (credentials, caller)
        self._streams.setdefault(key, set()).add(stream)
        if self._looking is None:
            # In a context of its own: what is logged there is not the first caller's doing.
            self._looking = asyncio.create_task(self._look(), context=contextvars.Context())
        try:
            async with contextlib.aclosing(responses):
                while True:
                    try:
                        response = await stream.next(responses)
                    except StopAsyncIteration:
                        return
                    yield response
        finally:
            self._streams[key].discard(stream)
            if not self._streams[key]:
                del self._streams[key]
            if not self._streams and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for credentials, caller in list(self._streams):
                error = await self._refusal(credentials, caller)
                if error is not None:
                    for stream in self._streams.get((credentials, caller), ()):
                        stream.end(error)

    async def _refusal(self, credentials: Credentials, caller: Caller) -> TaskServiceError | None:
        """Why a caller's streams end; None where they go on."""
        try:
            now = await self._identify(credentials)
        except DatabaseUnavailable:
            return None  # nothing is known to have changed, and nothing new can be told either
        except TaskServiceError as error:
            return error
        except Exception:
            _log.exception("the caller of an open stream can not be looked at")
            return InternalDefect("-")
        return None if now == caller else InvalidCredentials(REFUSAL)
