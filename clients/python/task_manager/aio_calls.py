"""What the parts of `AsyncTaskClient` call with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from task_manager import requests
from task_manager.rpcs import RequestT, ResponseT, Rpc
from task_manager.streams import Cursor

ItemT = TypeVar("ItemT")


class AsyncCalls(ABC):
    """`Calls` for asyncio; its doc strings hold here too."""

    _timeout: float

    @abstractmethod
    async def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        """As `Calls._call`: the answer to a call."""

    @abstractmethod
    def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> AsyncGenerator[ItemT, None]:
        """As `Calls._resume`: the items of a stream, which goes on where it broke."""

    def _fetch(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> Callable[[str], Awaitable[ResponseT]]:
        return lambda page_token: self._call(rpc, requests.page(request, page_token))
