"""Searches, of which nobody has so many at once that others get no thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from task_server.api import shares as shares_module
from task_server.api.interceptors.authentication import current_caller
from task_server.api.searches import Searches
from task_server.api.threads import Threads
from task_server.domain.errors import RateLimited
from task_server.domain.filters.checking import Requirement
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.filters.tree import Operator
from task_server.domain.listing import ExecutionFilter
from task_server.domain.ordering import NEWEST, By
from task_server.domain.owner import Caller, Owner, Role


class Rows:
    """What is searched; each search takes until the test lets it go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun: list[str] = []
        self._changed = threading.Condition()

    def search(self, owner: str) -> str:
        with self._changed:
            self.begun.append(owner)
            self._changed.notify_all()
        assert self.go_on.wait(20)
        return owner

    async def wait_for(self, count: int) -> None:
        """Until so many searches have begun."""

        def wait() -> None:
            with self._changed:
                assert self._changed.wait_for(lambda: len(self.begun) >= count, 20)

        await asyncio.to_thread(wait)


@pytest.fixture
def rows() -> Iterator[Rows]:
    rows = Rows()
    yield rows
    rows.go_on.set()


@pytest.fixture
def threads(rows: Rows) -> Iterator[Threads]:
    threads = Threads(8)
    yield threads
    rows.go_on.set()
    threads.close()


def begin(searches: Searches, rows: Rows, owner: str) -> asyncio.Task[str]:
    async def search() -> str:
        current_caller.set(Caller(owner=Owner(owner, owner), role=Role.VIEWER, token_id=owner))
        return await searches.run(rows.search, owner)

    return asyncio.create_task(search())


async def test_one_owner_has_a_quarter_of_the_threads_and_all_have_half(threads: Threads, rows: Rows) -> None:
    searches = Searches(threads)
    calls = [begin(searches, rows, "eve") for _ in range(20)]
    await rows.wait_for(2)
    calls += [begin(searches, rows, owner) for owner in ("bob", "ann", "liz")]
    await rows.wait_for(4)
    # What needs no search is served meanwhile, and nobody has begun another one.
    assert await threads.run(sorted, [2, 1]) == [1, 2]
    assert rows.begun == ["eve", "eve", "bob", "ann"]
    rows.go_on.set()
    assert sorted(await asyncio.gather(*calls)) == ["ann", "bob", *["eve"] * 20, "liz"]


async def test_who_goes_away_has_its_place_until_the_search_has_ended(threads: Threads, rows: Rows) -> None:
    searches = Searches(threads)
    calls = [begin(searches, rows, "eve") for _ in range(5)]
    await rows.wait_for(2)
    for call in calls:
        call.cancel()
    assert {type(end) for end in await asyncio.gather(*calls, return_exceptions=True)} == {asyncio.CancelledError}
    later = begin(searches, rows, "eve")
    await begin_and_end(threads)
    assert rows.begun == ["eve", "eve"]
    rows.go_on.set()
    assert await later == "eve"
    # Those that waited for their turn never searched.
    assert len(rows.begun) == 3


async def begin_and_end(threads: Threads) -> None:
    """Let everything that may begin do so."""
    for _ in range(10):
        await threads.run(int)


async def test_who_has_too_many_that_wait_is_refused(
    threads: Threads, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares_module, "_MOST_WAITING", 3)
    searches = Searches(threads)
    calls = [begin(searches, rows, "eve") for _ in range(5)]
    await rows.wait_for(2)
    with pytest.raises(RateLimited) as refused:
        await begin(searches, rows, "eve")
    assert (refused.value.retry_after, refused.value.metadata) == (1.0, {"limit": "owner"})
    rows.go_on.set()
    assert await asyncio.gather(*calls, begin(searches, rows, "bob")) == ["eve"] * 5 + ["bob"]


async def test_errors_pass_and_leave_the_place(threads: Threads) -> None:
    searches = Searches(threads)
    current_caller.set(Caller(owner=Owner("ann", "Ann"), role=Role.VIEWER, token_id="t"))
    for _ in range(9):
        with pytest.raises(ZeroDivisionError):
            await searches.run(divmod, 1, 0)


async def test_what_an_index_answers_is_no_search(threads: Threads) -> None:
    searches, all_rows = Searches(threads), ExecutionFilter()
    asking = ExecutionFilter(condition=Requirement(EXECUTION_FIELDS["error"], (), Operator.HAS, "x"))
    assert searches.of(all_rows) is searches.of(all_rows, (By("created_at", is_descending=False),)) is threads
    assert searches.of(asking) is searches.of(all_rows, (By("duration", is_descending=True),)) is searches
    assert searches.of(asking, NEWEST) is searches
