"""What the parts of `TaskClient` call with: each asks of one service, and none of them knows the connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import TypeVar

from task_manager import requests
from task_manager.rpcs import RequestT, ResponseT, Rpc
from task_manager.streams import Cursor

ItemT = TypeVar("ItemT")


class Calls(ABC):
    """Calls of the contract, of which `TaskClient` is made. Each raises a `TaskManagerError`."""

    _timeout: float
    """Seconds that one call may take."""

    @abstractmethod
    def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        """The answer to a call. `deadline` are the seconds that it may take, in place of `_timeout`."""

    @abstractmethod
    def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> Generator[ItemT, None, None]:
        """The items of a stream, which goes on where it broke, for as many seconds as `remaining` says; None for no end."""

    def _fetch(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> Callable[[str], ResponseT]:
        return lambda page_token: self._call(rpc, requests.page(request, page_token))
