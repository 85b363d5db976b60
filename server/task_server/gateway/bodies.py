"""Room for the request bodies that are still coming, those of all callers together: nobody knows yet who they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: What each counts from the beginning, in bytes: so much the HTTP server takes in before anybody asks for it.
UNREAD_BYTES = 64 * 1024


@dataclass(slots=True)
class _Share:
    """What the bodies from one address have taken, in bytes."""

    size: int = 0
    #: The oldest first.
    bodies: dict[asyncio.Timeout, int] = field(default_factory=dict)


class Bodies:
    """Lets bodies come for `seconds` each, and while there are `room` bytes for them. Beyond that, of the address that has taken
    most, the one that began first has no more time: whoever fills the room alone is in nobody's way, and the body of whoever
    means it has come long before it is the first.
    """

    def __init__(self, seconds: float, room: int) -> None:
        self._seconds = seconds
        self._room = room
        self._shares: dict[str | None, _Share] = {}

    @asynccontextmanager
    async def coming(self, address: str | None) -> AsyncIterator[Callable[[int], None]]:
        """Give what is to be called with the bytes of each part that is kept, while a body comes from there.

        Raises:
            TimeoutError: it has no more time.
        """
        async with asyncio.timeout(self._seconds) as time:
            self._shares.setdefault(address, _Share()).bodies[time] = 0
            try:
                self._take(address, time, UNREAD_BYTES)
                yield lambda size: self._take(address, time, size)
            finally:
                self._give_back(address, time)

    def _take(self, address: str | None, time: asyncio.Timeout, size: int) -> None:
        share = self._shares.get(address)
        if share is None or time not in share.bodies:
            # It has no more time, and hears of that as soon as it waits for anything.
            return
        share.bodies[time] += size
        share.size += size
        self._room -= size
        while self._room < 0:
            largest = max(self._shares, key=lambda each: self._shares[each].size)
            first = next(iter(self._shares[largest].bodies))
            if not first.expired():
                first.reschedule(asyncio.get_running_loop().time())
            self._give_back(largest, first)

    def _give_back(self, address: str | None, time: asyncio.Timeout) -> None:
        share = self._shares.get(address)
        if share is None:
            return
        size = share.bodies.pop(time, 0)
        share.size -= size
        self._room += size
        if not share.bodies:
            del self._shares[address]
