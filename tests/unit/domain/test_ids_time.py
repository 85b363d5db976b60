"""The ids of a time."""

from __future__ import annotations

import time

from task_server.domain.ids import first_id, new_id


def test_the_first_id_of_a_time_lies_between_the_ids_made_before_and_after() -> None:
    before = new_id()
    began = time.time_ns() // 1000
    while time.time_ns() // 1_000_000 == began // 1000:
        pass
    now = time.time_ns() // 1000
    after = new_id()
    assert before < first_id(now) < after
    assert first_id(now) <= first_id(now + 1000)
