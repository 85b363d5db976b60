"""Ids: of the form that RFC 9562 gives, and in the order in which they were made."""

from __future__ import annotations

import threading
import time
import uuid
from itertools import pairwise

from task_server.domain.ids import new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert str(made) == str(made).lower()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after + 1


def test_ids_of_one_thread_grow() -> None:
    made = [new_id() for _ in range(5000)]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_ids_of_many_threads_grow_in_each_and_never_meet() -> None:
    by_thread: list[list[str]] = [[] for _ in range(8)]
    together = threading.Barrier(len(by_thread))

    def make(mine: list[str]) -> None:
        together.wait()
        mine.extend(new_id() for _ in range(1000))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in by_thread]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in by_thread)
    assert len({made for mine in by_thread for made in mine}) == 8000


def test_the_random_part_differs() -> None:
    assert len({uuid.UUID(new_id()).int & ((1 << 62) - 1) for _ in range(100)}) == 100
