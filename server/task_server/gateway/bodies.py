"""Room for the request bodies that are still coming, those of all callers together: nobody knows yet who they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

#: What each counts from the beginning, in bytes: so much the HTTP server takes in before anybody asks for it.
UNREAD_BYTES = 64 * 1024


class Bodies:
    """Lets bodies come for `seconds` each, and while there are `room` bytes for them. Beyond that the one that began first has no
    more time: that of whoever means it has come long before it is the first.
    """

    def __init__(self, seconds: float, room: int) -> None:
        self._seconds = seconds
        self._room = room
        #: What each has taken, the oldest first.
        self._taken: dict[asyncio.Timeout, int] = {}

    @asynccontextmanager
    async def coming(self) -> AsyncIterator[Callable[[int], None]]:
        """Give what is to be called with the bytes of each part that is kept, while a body comes.

        Raises:
            TimeoutError: it has no more time.
        """
        async with asyncio.timeout(self._seconds) as time:
            self._taken[time] = 0
            try:
                self._take(time, UNREAD_BYTES)
                yield lambda size: self._take(time, size)
            finally:
                self._give_back(time)

    def _take(self, time: asyncio.Timeout, size: int) -> None:
        if time not in self._taken:
            # It has no more time, and hears of that as soon as it waits for anything.
            return
        self._taken[time] += size
        self._room -= size
        while self._room < 0:
            first = next(iter(self._taken))
            if not first.expired():
                first.reschedule(asyncio.get_running_loop().time())
            self._give_back(first)

    def _give_back(self, time: asyncio.Timeout) -> None:
        self._room += self._taken.pop(time, 0)
