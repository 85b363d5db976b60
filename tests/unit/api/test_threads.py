"""The hand-off from the event loop to the database's threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from task_server import logs
from task_server.api.threads import Threads


@pytest.fixture
def pool() -> Iterator[Threads]:
    pool = Threads(2)
    yield pool
    pool.close()


async def test_the_request_id_goes_along_and_no_other_call_sees_it(pool: Threads) -> None:
    async def call(request_id: str) -> str:
        logs.request_id.set(request_id)
        return await pool.run(logs.request_id.get)

    ids = [f"r-{number}" for number in range(20)]
    assert await asyncio.gather(*(call(request_id) for request_id in ids)) == ids
    assert await pool.run(logs.request_id.get) == ""


async def test_what_the_function_sets_stays_with_it(pool: Threads) -> None:
    await asyncio.gather(*(pool.run(logs.request_id.set, "inner") for _ in range(4)))
    assert logs.request_id.get() == ""
    assert {await pool.run(logs.request_id.get) for _ in range(4)} == {""}


async def test_errors_and_arguments_pass(pool: Threads) -> None:
    assert await pool.run(sorted, [2, 1], reverse=True) == [2, 1]
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)


async def test_no_more_run_at_once_than_there_are_threads(pool: Threads) -> None:
    lock, running, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work() -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1
        return threading.current_thread().name

    names = await asyncio.gather(*(pool.run(work) for _ in range(8)))
    assert most == 2
    assert len(set(names)) == 2
    assert threading.main_thread().name not in names
