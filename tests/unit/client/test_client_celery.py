from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import celery.signals
import pytest
from celery import Celery
from client_harness import LoopbackServer, Servicer

from task_manager import recorder, to_python
from task_manager.backlog import Backlog, Seen
from task_manager.celery import track, untrack
from task_manager.connection import Connection
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import BatchReportExecutionsResponse, ExecutionReport

# ruff: noqa: N802 - gRPC's names


class Told(Servicer):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.reports: list[ExecutionReport] = []

    def BatchReportExecutions(self, request: Any, context: Any) -> BatchReportExecutionsResponse:
        self.reports += request.reports
        return BatchReportExecutionsResponse()

    def flushed(self) -> list[ExecutionReport]:
        assert recorder.default_recorder().flush(20)
        return self.reports


@pytest.fixture
def told(serve: Callable[[Servicer], LoopbackServer], monkeypatch: pytest.MonkeyPatch) -> Told:
    service = Told()
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", serve(service).address)
    monkeypatch.setenv("TASK_MANAGER_TOKEN", "token")
    monkeypatch.setattr(recorder, "_connection", Connection())
    return service


@pytest.fixture
def make() -> Iterator[Callable[..., Celery]]:
    apps: list[Celery] = []

    def make(**options: Any) -> Celery:
        app = Celery("house", broker="memory://", backend="cache+memory://", set_as_current=False)
        app.task(add, name="house.tasks.add")
        apps.append(app)
        track(app, **options)
        return app

    yield make
    for each in apps:
        untrack(each)


def add(x: Any, y: Any = 0, api_key: str = "") -> Any:
    return x


class User:
    """As Django's are."""

    def __init__(self, pk: Any) -> None:
        self.pk = pk

    def get_username(self) -> str:
        return "li" if self.pk else ""


def test_tracking_twice_tells_once_and_as_the_last_call_says(told: Told, make: Callable[..., Celery]) -> None:
    app = make(module="first")
    track(app, module=lambda name: name.upper())
    app.send_task("house.tasks.add", (1,))
    (report,) = told.flushed()
    assert report.run.module == "HOUSE.TASKS.ADD"


def test_an_app_that_is_tracked_no_more_tells_nothing_and_leaves_nothing(
    told: Told, make: Callable[..., Celery]
) -> None:
    before = [len(signal.receivers) for signal in (celery.signals.before_task_publish, celery.signals.task_prerun)]
    app = make()
    untrack(app)
    untrack(app)
    app.send_task("house.tasks.add", (1,))
    app.tasks["house.tasks.add"].apply((1,))
    assert told.flushed() == []
    assert before == [
        len(signal.receivers) for signal in (celery.signals.before_task_publish, celery.signals.task_prerun)
    ]


def test_each_of_two_tracked_apps_tells_its_own(told: Told, make: Callable[..., Celery]) -> None:
    one, two = make(module="one"), make(module="two")
    ids = {app.send_task("house.tasks.add").id: name for app, name in ((one, "one"), (two, "two"), (one, "one"))}
    ids[two.tasks["house.tasks.add"].apply((1,)).id] = "two"
    assert {each.run.task_id: each.run.module for each in told.flushed()} == ids
    assert len(told.reports) == 3 + 2


@pytest.mark.parametrize(
    ("owner", "told_owner"),
    [
        (None, ("", "")),
        (7, ("7", "")),
        ("7", ("7", "")),
        (User(7), ("7", "li")),
        (User(None), ("", "")),
        (lambda: User(8), ("8", "li")),
        (lambda: None, ("", "")),
    ],
    ids=["none", "int", "str", "user", "anonymous", "callable", "callable none"],
)
def test_the_owner_is_whoever_is_served(
    told: Told, make: Callable[..., Celery], owner: Any, told_owner: tuple[str, str]
) -> None:
    make(created_by=owner).send_task("house.tasks.add")
    (report,) = told.flushed()
    assert (report.run.created_by, report.run.created_by_username) == told_owner


def test_what_is_told_is_what_was_published_whatever_becomes_of_it(told: Told, make: Callable[..., Celery]) -> None:
    app = make()
    argument = {"lines": [1]}
    app.tasks["house.tasks.add"].delay(argument, 2, "k-123")
    argument["lines"].append(2)
    (report,) = told.flushed()
    assert to_python(report.run.task_args) == [{"lines": [1]}, 2, "[redacted]"]


@pytest.mark.parametrize(
    "value", [{"set"}, object(), "x" * 100_000, threading.Lock()], ids=["set", "object", "long", "lock"]
)
def test_what_can_not_be_copied_is_told_too(told: Told, make: Callable[..., Celery], value: Any) -> None:
    make().tasks["house.tasks.add"].apply((value,))
    started, _ = told.flushed()
    assert started.run.task_args and len(str(started)) < 6_000


def test_a_publishing_that_fails_is_not_told(told: Told, make: Callable[..., Celery]) -> None:
    app = make()
    with pytest.raises(Exception, match="serializable"):
        app.send_task("house.tasks.add", (object(),))
    app.send_task("house.tasks.add", (1,))
    (report,) = told.flushed()
    assert to_python(report.run.task_args) == [1]


def test_what_goes_wrong_in_a_hook_reaches_nobody(
    told: Told, make: Callable[..., Celery], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> str:
        raise ZeroDivisionError("hunter2")

    app = make(created_by=broken)
    app.send_task("house.tasks.add", (1,))
    track(app, module=broken)
    app.send_task("house.tasks.add", (1,))
    assert app.tasks["house.tasks.add"].apply((1,)).get() == 1
    assert told.flushed() == []
    assert "ZeroDivisionError" in caplog.text and "hunter2" not in caplog.text


def test_eager_retries_are_told_and_celerys_own_tasks_are_not(told: Told, make: Callable[..., Celery]) -> None:
    app = make()

    @app.task(name="house.tasks.bad", bind=True, max_retries=1)  # type: ignore[untyped-decorator]
    def bad(self: Any) -> None:
        raise self.retry(exc=KeyError("token=hunter2"), countdown=0)

    app.send_task("celery.backend_cleanup")
    bad.apply()
    kinds = [(TaskExecution.Status.Name(each.status), each.retries) for each in told.flushed()]
    assert kinds == [("STARTED", 0), ("RETRY", 0), ("STARTED", 1), ("FAILURE", 1)]
    assert {each.error for each in told.reports} == {"", "KeyError: 'token=[redacted]'"}
    assert "bad" in told.reports[-1].traceback and "hunter2" not in told.reports[-1].traceback


def test_what_waits_is_bounded_in_bytes_too() -> None:
    backlog = Backlog(10_000)
    seen = Seen.of(0.0, dict, ({"error": "x" * 1024 * 1024},))
    assert sum(backlog.add(seen) for _ in range(100)) == 100 - 63
    assert len(backlog) == 63 and len(backlog.take(100)) == 63
    assert sum(backlog.add(seen) for _ in range(60)) == 0
