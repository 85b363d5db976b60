"""What an event of Celery's says of a run, and that nothing else says anything."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from task_server.domain.observation import Source
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.tracking.event import seen_in
from task_server.tracking.held_back import HeldBack
from task_server.tracking.seen import Seen


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"task-{kind}", "uuid": "u-1", "hostname": "celery@h", "timestamp": 1.5, "utcoffset": -2} | fields


def seen(kind: str, **fields: Any) -> Seen:
    found = seen_in(event(kind, **fields))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("sent", "PENDING"),
        ("received", "PENDING"),
        ("started", "STARTED"),
        ("succeeded", "SUCCESS"),
        ("failed", "FAILURE"),
        ("retried", "RETRY"),
        ("revoked", "REVOKED"),
        ("rejected", "REVOKED"),
    ],
)
def test_kinds(kind: str, status: str) -> None:
    found = seen(kind, retries=2)
    assert (found.task_id, found.observation.status) == ("u-1", ExecutionStatus(status))
    assert (found.observation.source, found.observation.retries) == (Source.EVENT, 2)
    assert found.observation.occurred_at == 1_500_000, "the timestamp is UTC, whatever the worker's zone"
    assert found.observation.worker == ("" if kind == "sent" else "celery@h")


def test_what_they_tell() -> None:
    sent = seen("sent", name="shop.t", args="('a', 'b')", kwargs="{'password': 'x'}", queue="q")
    assert (sent.task_name, sent.observation.queue) == ("shop.t", "q")
    assert sent.arguments == {"celery_args": "('a', 'b')", "celery_kwargs": "{'password': '***'}"}
    failed = seen("failed", exception="Boom('x')", traceback="Traceback").observation
    assert (failed.error, failed.traceback, failed.failure_reason) == (
        "Boom('x')",
        "Traceback",
        FailureReason.EXCEPTION,
    )
    assert seen("succeeded", result="{'secret': 'y'}").observation.metadata == {"celery_result": "{'secret': '***'}"}
    assert seen("retried", exception="Boom()").observation.error == "Boom()"
    assert seen("revoked", expired=True).observation.error == "it had expired"
    assert seen("revoked", terminated=True, expired=False).observation.error == "it was revoked"


def test_a_secret_is_found_that_goes_on_where_arguments_are_cut() -> None:
    url = "redis://me:hunter2@host"
    for kept in range(len(url) + 1):
        said = "x" * (1000 - kept) + url
        told = seen("sent", args=said).arguments["celery_args"]
        assert "hunter" not in told
        assert told == (said.replace("hunter2", "***"))[:1000]


@pytest.mark.parametrize(
    "what",
    [
        None, 7, "task-sent", [], {}, {"type": "task-sent"}, {"uuid": "u"}, {"type": "worker-online", "uuid": "u"},
        {"type": None, "uuid": "u"}, {"type": ["task-sent"], "uuid": "u"}, {"type": "task-sent", "uuid": 7},
        {"type": "task-sent", "uuid": ""}, {"type": "task-sent", "uuid": "x" * 156}, {"type": "task-sent", "uuid": "a\0b"},
        {"type": "task-sent", "uuid": "a\nb"}, event("rejected", requeue=True), event("custom"),
    ],
)  # fmt: skip
def test_what_says_nothing(what: Any) -> None:
    assert seen_in(what) is None


@pytest.mark.parametrize(
    "timestamp", [None, "soon", True, -1, 0, 1e300, math.inf, math.nan, pytest.param(10**400, id="huge"), []]
)
def test_times_that_are_none(timestamp: Any) -> None:
    assert seen("started", timestamp=timestamp).observation.occurred_at is None


ANYTHING = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "uuid",
    "name",
    "args",
    "kwargs",
    "retries",
    "hostname",
    "timestamp",
    "exception",
    "traceback",
    "result",
    "queue",
]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    strategies.sampled_from(["task-sent", "task-failed", "task-succeeded", "task-revoked", "task-retried"]),
    strategies.dictionaries(strategies.sampled_from(NAMES), ANYTHING),
)
def test_nothing_that_is_sent_breaks_the_reader(kind: str, fields: dict[str, Any]) -> None:
    found = seen_in({"type": kind, "uuid": "u"} | fields)
    if found is None:
        return
    said = found.observation
    for each in (found.task_id, found.task_name, said.error, said.traceback, said.worker, said.queue):
        assert "\0" not in each
        each.encode()
    json.dumps([found.arguments, said.metadata], ensure_ascii=False).encode()
    assert found.weight < 80_000


def test_what_is_held_back_comes_in_its_order_and_when_its_time_is_over() -> None:
    held = HeldBack(5.0, 1_000_000)
    first, second, other = seen("sent"), seen("started"), seen("sent", uuid="u-2")
    held.add(first, 0.0)
    held.add(second, 4.0)
    held.add(other, 4.0)
    assert list(held.task_ids) == ["u-1", "u-2"]
    assert held.take_overdue(4.9) == []
    assert held.take_overdue(5.0) == [first, second]
    assert held.take("u-2") == [other]
    assert held.take("u-2") == []
    assert not held.task_ids


def test_what_is_too_much_is_held_back_no_longer() -> None:
    held = HeldBack(5.0, 3 * seen("sent").weight)
    for number in range(5):
        held.add(seen("sent", uuid=f"u-{number}"), 0.0)
    assert [each.task_id for each in held.take_overdue(0.0)] == ["u-0", "u-1"]
    assert len(held.task_ids) == 3
