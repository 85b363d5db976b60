"""Shares of a pool of threads, so that whoever keeps them busy for seconds keeps nobody else from them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from task_server.api.interceptors.authentication import current_caller
from task_server.api.threads import Threads
from task_server.domain.errors import RateLimited

P = ParamSpec("P")
T = TypeVar("T")

#: Of one owner, beyond which further ones are refused: calls that wait have places of the server's, too.
_MOST_WAITING = 50
_RETRY_SECONDS = 1.0


class Shares:
    """Has functions run in threads, at most `most` at once, and of one owner at most `most_of_one`; others wait for their turn.

    What runs for a caller who has gone keeps its place until it ends.
    """

    def __init__(self, threads: Threads, most: int, most_of_one: int) -> None:
        self._threads = threads
        self._places = asyncio.Semaphore(max(1, most))
        self._most_of_one = max(1, most_of_one)
        #: By owner, for as long as one of its calls is there.
        self._places_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._waiting: Counter[str] = Counter()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread, when it is the caller's turn. Raises RateLimited where too many of its owner wait."""
        owner_id = current_caller.get().owner.id
        places = self._places_of.setdefault(owner_id, asyncio.Semaphore(self._most_of_one))
        await self._turn(owner_id, places)
        running = asyncio.ensure_future(self._threads.run(function, *args, **kwargs))

        def ended(done: asyncio.Future[T]) -> None:
            self._places.release()
            places.release()
            if not done.cancelled():
                done.exception()  # of whose caller has gone nobody asks for it

        running.add_done_callback(ended)
        return await asyncio.shield(running)

    async def _turn(self, owner_id: str, places: asyncio.Semaphore) -> None:
        if self._waiting[owner_id] >= _MOST_WAITING:
            raise RateLimited("owner", _RETRY_SECONDS)
        self._waiting[owner_id] += 1
        try:
            await places.acquire()
            try:
                await self._places.acquire()
            except asyncio.CancelledError:
                places.release()
                raise
        finally:
            self._waiting[owner_id] -= 1
            if not self._waiting[owner_id]:
                del self._waiting[owner_id]
