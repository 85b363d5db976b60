"""Lists that fetch themselves page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar


class Page(Protocol):
    """What every list answer has."""

    next_page_token: str


PageT = TypeVar("PageT", bound=Page)
ItemT = TypeVar("ItemT")


class Pager(Generic[PageT, ItemT]):
    """The rows of a list, newest first. Iterating asks for a page when it is needed; each new loop begins again.

    `pages` gives the answers themselves instead, which also have `total_size` and `watch_token`.
    """

    def __init__(self, fetch: Callable[[str], PageT], rows: Callable[[PageT], Iterable[ItemT]]) -> None:
        self._fetch = fetch
        self._rows = rows

    @property
    def pages(self) -> Iterator[PageT]:
        """The answers, one by one. Raises a `TaskManagerError` where a page can not be had."""
        token = ""
        while True:
            page = self._fetch(token)
            yield page
            # AIP-158: only an empty token ends a list; a page may be short or empty before that.
            if not (token := page.next_page_token):
                return

    def __iter__(self) -> Iterator[ItemT]:
        for page in self.pages:
            yield from self._rows(page)


class AsyncPager(Generic[PageT, ItemT]):
    """`Pager` for `async for`."""

    def __init__(self, fetch: Callable[[str], Awaitable[PageT]], rows: Callable[[PageT], Iterable[ItemT]]) -> None:
        self._fetch = fetch
        self._rows = rows

    @property
    async def pages(self) -> AsyncIterator[PageT]:
        """The answers, one by one. Raises a `TaskManagerError` where a page can not be had."""
        token = ""
        while True:
            page = await self._fetch(token)
            yield page
            if not (token := page.next_page_token):
                return

    async def __aiter__(self) -> AsyncIterator[ItemT]:
        async for page in self.pages:
            for row in self._rows(page):
                yield row
