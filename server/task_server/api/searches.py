"""Reads for which rows are looked at one by one, by an expression or to be sorted: each may take seconds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from task_server.api.interceptors.authentication import current_caller
from task_server.api.threads import Threads
from task_server.domain.errors import RateLimited
from task_server.domain.listing import ExecutionFilter, TaskFilter
from task_server.domain.ordering import NEWEST, Order, is_by_creation

P = ParamSpec("P")
T = TypeVar("T")

#: Of one owner, beyond which further ones are refused: calls that wait have places of the server's, too.
_MOST_WAITING = 50
_RETRY_SECONDS = 1.0


class Searches:
    """Has searches run in the threads of the use cases, but in half of them at most, and for one owner in half of those.

    So whoever searches without end keeps nobody else from a thread. A search whose caller has gone keeps its place until it ends.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._places = asyncio.Semaphore(max(1, threads.count // 2))
        self._most_of_one = max(1, threads.count // 4)
        #: By owner, for as long as one of its searches is there.
        self._places_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._waiting: Counter[str] = Counter()

    def of(self, wanted: ExecutionFilter | TaskFilter, order: Order = NEWEST) -> Searches | Threads:
        """What is to read that: the threads themselves where an index answers."""
        return self._threads if wanted.condition is None and is_by_creation(order) else self

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread, when it is the caller's turn. Raises RateLimited where too many of its owner wait."""
        owner_id = current_caller.get().owner.id
        places = self._places_of.setdefault(owner_id, asyncio.Semaphore(self._most_of_one))
        await self._turn(owner_id, places)
        search = asyncio.ensure_future(self._threads.run(function, *args, **kwargs))

        def ended(done: asyncio.Future[T]) -> None:
            self._places.release()
            places.release()
            if not done.cancelled():
                done.exception()  # of whose caller has gone nobody asks for it

        search.add_done_callback(ended)
        return await asyncio.shield(search)

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
