from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from client_harness import LoopbackServer, Servicer, refuse

from task_manager import DeadlineExceeded, ExecutionNotFound, TaskClient
from task_manager.best_effort import BestEffort, NoAnswer
from task_manager.v1.execution_pb2 import TaskExecution

# ruff: noqa: N802 - gRPC's names


class Moody(Servicer):
    """Answers or refuses as it is told."""

    def __init__(self) -> None:
        self.calls = 0
        self.mood: tuple[grpc.StatusCode, str] | None = None
        self.awake = threading.Event()
        self.awake.set()

    def GetExecutionByTaskId(self, request: Any, context: Any) -> Any:
        self.calls += 1
        self.awake.wait(30)
        if self.mood:
            refuse(context, *self.mood)
        return TaskExecution(id="e1")


class Bench:
    """A service, a way to it, and a clock that only the test moves."""

    def __init__(self, serve: Callable[[Servicer], LoopbackServer]) -> None:
        self.service = Moody()
        self.server = serve(self.service)
        self.client = TaskClient(self.server.address)
        self.now = 100.0
        self.way = BestEffort(lambda: self.client, timeout=1.0, clock=lambda: self.now)

    def ask(self) -> str:
        return self.way.call("ask", lambda client: client().get_execution_by_task_id("c1").id)


@pytest.fixture
def bench(serve: Any) -> Any:
    bench = Bench(serve)
    yield bench
    bench.client.close()


def test_after_a_failure_nobody_is_asked_for_a_while(bench: Bench) -> None:
    bench.service.mood = (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS")
    for _ in range(3):
        with pytest.raises(NoAnswer) as caught:
            bench.ask()
        assert caught.value.is_passing
    assert bench.service.calls == 1
    bench.now += 4.9
    with pytest.raises(NoAnswer):
        bench.ask()
    assert bench.service.calls == 1


def test_then_one_call_tries_while_the_others_do_without(bench: Bench) -> None:
    bench.service.mood = (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS")
    with pytest.raises(NoAnswer):
        bench.ask()
    bench.service.mood = None
    bench.now += 5.0

    def meanwhile(client: Callable[[], TaskClient]) -> str:
        with pytest.raises(NoAnswer):
            bench.ask()
        return client().get_execution_by_task_id("c1").id

    assert bench.way.call("ask", meanwhile) == "e1"
    # It answered, so that everybody asks again.
    assert bench.ask() == bench.ask() == "e1"
    assert bench.service.calls == 4


def test_a_service_that_is_away_costs_the_deadline_once(bench: Bench) -> None:
    bench.server.kill()
    with pytest.raises(NoAnswer) as caught:
        bench.ask()
    assert caught.value.is_passing
    with pytest.raises(NoAnswer):
        bench.way.call("ask", lambda client: pytest.fail("nobody is asked"))


def test_a_service_that_does_not_answer_costs_the_deadline_however_many_calls_there_are(bench: Bench) -> None:
    bench.service.awake.clear()
    way = BestEffort(lambda: bench.client, timeout=0.2)

    def twice(client: Callable[[], TaskClient]) -> None:
        with pytest.raises(DeadlineExceeded):
            client().get_execution_by_task_id("c1")
        client().get_execution_by_task_id("c1")

    began = time.monotonic()
    with pytest.raises(NoAnswer) as caught:
        way.call("ask", twice)
    # Far less than the client's own deadline of 30 s; the machine may be busy.
    assert time.monotonic() - began < 10
    assert caught.value.is_passing
    bench.service.awake.set()


def test_what_the_service_says_of_the_run_is_no_failure(bench: Bench) -> None:
    bench.service.mood = (grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND")
    for _ in range(2):
        with pytest.raises(ExecutionNotFound):
            bench.ask()
    assert bench.service.calls == 2


@pytest.mark.parametrize(
    ("code", "reason", "is_passing"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", False),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING", False),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", True),
        (grpc.StatusCode.INTERNAL, "INTERNAL_DEFECT", True),
    ],
)
def test_a_refusal_of_one_call_does_not_keep_others_out(
    bench: Bench, code: grpc.StatusCode, reason: str, is_passing: bool
) -> None:
    bench.service.mood = (code, reason)
    with pytest.raises(NoAnswer) as caught:
        bench.ask()
    assert caught.value.is_passing is is_passing
    bench.service.mood = None
    assert bench.ask() == "e1"


def test_a_log_is_warned_once_and_not_flooded(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.service.mood = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    for _ in range(5):
        with pytest.raises(NoAnswer):
            bench.ask()
    (line,) = [each for each in caplog.records if each.name == "task_manager"]
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith("Task Manager could not ask: ")


def test_a_warning_says_where_nobody_answered_and_what_becomes_of_it(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", bench.server.address)
    bench.service.awake.clear()
    with pytest.raises(NoAnswer):
        bench.way.call("ask", lambda client: client().get_execution_by_task_id("c1"), otherwise="it waits")
    bench.service.awake.set()
    assert f"could not ask (it waits): no answer from {bench.server.address} (TASK_MANAGER_ADDRESS): " in caplog.text


def test_a_refusal_for_good_does_not_say_that_it_is_sent_later(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.service.mood = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    with pytest.raises(NoAnswer):
        bench.way.call("ask", lambda client: client().get_execution_by_task_id("c1"), otherwise="it waits")
    assert "it waits" not in caplog.text


def test_whatever_a_value_raises_is_no_answer(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def make() -> None:
        raise OSError("postgresql://li:hunter2@db/")

    for broken in (lambda: bench.way.prepare("make", make), lambda: bench.way.call("ask", lambda _: make())):
        with pytest.raises(NoAnswer) as caught:
            broken()
        assert not caught.value.is_passing
    assert "could not make: OSError" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("timeout", ["0.5", "soon"])
def test_the_deadline_is_a_setting_and_a_wrong_one_breaks_nobody(
    bench: Bench, timeout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASK_MANAGER_TIMEOUT", timeout)
    way = BestEffort(lambda: bench.client)
    if timeout == "soon":
        with pytest.raises(NoAnswer):
            way.call("ask", lambda client: client())
    else:
        assert way.call("ask", lambda client: client()._timeout) == pytest.approx(0.5, abs=0.4)
