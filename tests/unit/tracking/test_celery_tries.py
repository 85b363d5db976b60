"""Which try an event tells of, as a real worker sends its events."""

from __future__ import annotations

from task_server.tracking import tries
from task_server.tracking.event import seen_in
from task_server.tracking.tries import Tries


def told(
    known: Tries, kind: str, retries: int | None = None, hostname: str = "celery@a", uuid: str = "c-1"
) -> int | None:
    event = {"type": kind, "uuid": uuid, "hostname": hostname} | ({} if retries is None else {"retries": retries})
    seen = seen_in(event)
    assert seen is not None
    return known.told(seen).observation.retries


def test_a_start_is_of_the_try_that_its_worker_received_and_a_retry_of_the_one_that_began_first() -> None:
    known = Tries()
    assert told(known, "task-sent", 0) == 0
    assert told(known, "task-received", 0) == 0
    assert told(known, "task-started") == 0
    # The child has published the next try, and its parent received it, before that says how the last one ended.
    assert told(known, "task-sent", 1) == 1
    assert told(known, "task-received", 1) == 1
    assert told(known, "task-retried") == 0
    assert told(known, "task-started") == 1
    assert told(known, "task-received", 2) == 2
    assert told(known, "task-started") == 2
    assert told(known, "task-retried") == 1
    assert told(known, "task-succeeded") is None


def test_of_what_was_not_heard_nothing_is_known() -> None:
    known = Tries()
    assert told(known, "task-started") is None
    assert told(known, "task-retried") is None
    assert told(known, "task-received", 3, hostname="celery@b") == 3
    assert told(known, "task-started", hostname="celery@a") is None
    assert told(known, "task-retried", hostname="celery@b") is None
    assert told(known, "task-started", hostname="celery@b") == 3


def test_only_so_many_runs_are_remembered_and_none_that_ended(monkeypatch) -> None:
    monkeypatch.setattr(tries, "_MOST_RUNS", 2)
    known = Tries()
    for uuid in ("c-1", "c-2", "c-3"):
        told(known, "task-received", 1, uuid=uuid)
    assert [told(known, "task-started", uuid=uuid) for uuid in ("c-1", "c-2", "c-3")] == [None, 1, 1]
    told(known, "task-failed", uuid="c-2")
    assert told(known, "task-started", uuid="c-2") is None
