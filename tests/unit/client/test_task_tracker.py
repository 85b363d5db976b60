from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from client_harness import LoopbackServer, Servicer, refuse

from task_manager import connection, to_python
from task_manager.best_effort import BestEffort
from task_manager.connection import Connection
from task_manager.execution_record import Creator
from task_manager.recorder import Recorder
from task_manager.services import task_tracker
from task_manager.services.task_tracker import TaskTracker
from task_manager.utils import register_task_execution
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import (
    BatchReportExecutionsResponse,
    ExecutionStats,
    SyncExecutionsResponse,
)

# ruff: noqa: N802 - gRPC's names


class House(Servicer):
    """Knows the run "known", which it does not run itself, and "ours", which it does; keeps what came."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.refusals: dict[str, tuple[grpc.StatusCode, str]] = {}

    def _note(self, request: Any, context: Any, answer: Any) -> Any:
        self.requests.append(request)
        if refusal := self.refusals.get(type(request).__name__):
            refuse(context, *refusal)
        return answer

    def RegisterExecution(self, request: Any, context: Any) -> Any:
        made = TaskExecution(
            id="e1",
            task_id=request.task_id,
            created_by_id=request.created_by,
            created_by_username=request.created_by_username,
            task_kwargs=request.task_kwargs,
            status=request.initial_status,
            source="PUBLISH",
        )
        made.created_at.FromDatetime(datetime(2026, 1, 31, tzinfo=UTC))
        return self._note(request, context, made)

    def GetExecutionByTaskId(self, request: Any, context: Any) -> Any:
        if request.task_id not in ("known", "ours"):
            refuse(context, grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND")
        ours = request.task_id == "ours"
        found = TaskExecution(id="e1", task_id=request.task_id, status="STARTED", parent_task="t1" if ours else "")
        return self._note(request, context, found)

    def UpdateExecutionStatus(self, request: Any, context: Any) -> Any:
        return self._note(request, context, TaskExecution(id=request.id, task_id="known", status=request.status))

    def SyncExecution(self, request: Any, context: Any) -> Any:
        return self._note(request, context, TaskExecution(id=request.id, task_id="known", status="SUCCESS"))

    def SyncExecutions(self, request: Any, context: Any) -> Any:
        if request.HasField("my_tasks"):
            refuse(context, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
        return self._note(request, context, SyncExecutionsResponse(synced=3, changed=2, finished=1))

    def GetExecutionStats(self, request: Any, context: Any) -> Any:
        return self._note(request, context, ExecutionStats(total=4, by_status={"SUCCESS": 4}, success_rate=1.0))

    def BatchReportExecutions(self, request: Any, context: Any) -> Any:
        return self._note(request, context, BatchReportExecutionsResponse(recorded=len(request.reports)))

    def sent(self, kind: str) -> list[Any]:
        return [each for each in self.requests if type(each).__name__ == kind]


class Neighbourhood:
    """The service, and what this process would send it later."""

    def __init__(self, house: House, server: LoopbackServer, recorder: Recorder) -> None:
        self.house = house
        self.server = server
        self._recorder = recorder

    def later(self) -> list[Any]:
        assert self._recorder.flush(10)
        return [report for each in self.house.sent("BatchReportExecutionsRequest") for report in each.reports]


@pytest.fixture
def place(serve: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbourhood]:
    house = House()
    server = serve(house)
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", server.address)
    monkeypatch.setattr(connection, "_connection", Connection())
    for name in ("_rows", "_syncs", "_counts", "_bulk_syncs"):
        monkeypatch.setattr(task_tracker, name, BestEffort())
    recorder = Recorder(connection.default_client)
    monkeypatch.setattr(task_tracker, "default_recorder", lambda: recorder)
    yield Neighbourhood(house, server, recorder)
    connection.default_client().close()


class User:
    """As Django's are."""

    is_authenticated = True
    pk = 7

    def get_username(self) -> str:
        return "li"


class Anonymous:
    is_authenticated = False
    pk = None


def test_a_run_is_recorded_with_what_the_first_request_says(place: Neighbourhood) -> None:
    record = register_task_execution(
        task_id="c1",
        task_name="myapp.tasks.my_task",
        module="myapp",
        task_args=(1, datetime(2026, 1, 31, tzinfo=UTC)),
        task_kwargs={"arg1": 1},
        created_by=User(),
        metadata={"source": "manual_trigger"},
    )
    assert (record.id, record.task_id, record.status, record.source) == ("e1", "c1", "PENDING", "PUBLISH")
    assert record.created_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert (record.started_at, record.finished_at, record.result) == (None, None, None)
    assert record.task_kwargs == {"arg1": 1}
    assert record.created_by == Creator("7", "li")
    assert record.is_recorded
    (sent,) = place.house.requests
    assert (sent.task_name, sent.module) == ("myapp.tasks.my_task", "myapp")
    assert (sent.created_by, sent.created_by_username) == ("7", "li")
    assert to_python(sent.task_args) == [1, "2026-01-31T00:00:00+00:00"]
    assert to_python(sent.metadata) == {"source": "manual_trigger"}


@pytest.mark.parametrize(("user", "sent"), [(None, ""), (Anonymous(), ""), (7, "7"), ("u7", "u7"), (User(), "7")])
def test_whoever_it_is_for(place: Neighbourhood, user: object, sent: str) -> None:
    register_task_execution("c1", "t", "m", created_by=user)
    assert place.house.requests[0].created_by == sent


def test_what_can_not_be_recorded_now_is_later(place: Neighbourhood) -> None:
    place.house.refusals["RegisterExecutionRequest"] = (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS")
    record = TaskTracker.register_task("c1", "t", "m", task_kwargs={"n": 1}, created_by=7, initial_status="STARTED")
    assert not record.is_recorded
    assert (record.task_id, record.status, record.task_kwargs, record.created_by_id) == ("c1", "STARTED", {"n": 1}, "7")
    assert record.created_at
    assert record.source == ""
    (report,) = place.later()
    assert (report.run.task_id, report.run.created_by, report.status) == ("c1", "7", TaskExecution.STARTED)
    assert report.occurred_at.ToDatetime(UTC) <= datetime.now(UTC)


def test_what_the_service_will_never_take_is_not_sent_again(place: Neighbourhood) -> None:
    place.house.refusals["RegisterExecutionRequest"] = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert not TaskTracker.register_task("c1", "t", "m", created_by=7).is_recorded
    assert not TaskTracker.register_task("c2", "t", "m", initial_status="QUEUED").is_recorded
    assert place.later() == []
    assert [each.task_id for each in place.house.sent("RegisterExecutionRequest")] == ["c1"]


def test_a_run_is_moved_on(place: Neighbourhood) -> None:
    record = TaskTracker.update_task_status("known", "FAILURE", error=ValueError("so"), metadata={"k": 1})
    assert record is not None
    assert record.status == "FAILURE"
    (sent,) = place.house.sent("UpdateExecutionStatusRequest")
    assert (sent.id, sent.error, to_python(sent.metadata)) == ("e1", "ValueError: so", {"k": 1})
    assert not sent.HasField("result")


def test_what_nobody_recorded_is_none_and_told_after_what_waits(place: Neighbourhood) -> None:
    assert TaskTracker.update_task_status("c9", "SUCCESS", result=[1]) is None
    assert TaskTracker.get_task("c9") is None
    assert TaskTracker.sync_task_from_celery("c9") is None
    (report,) = place.later()
    assert (report.run.task_id, report.status, to_python(report.result)) == ("c9", TaskExecution.SUCCESS, [1])


def test_a_run_that_has_not_ended_is_looked_up_unless_it_is_the_services_own(place: Neighbourhood) -> None:
    for task_id, sync, status in (("known", True, "SUCCESS"), ("known", False, "STARTED"), ("ours", True, "STARTED")):
        record = TaskTracker.get_task(task_id, sync=sync)
        assert record is not None
        assert record.status == status
    assert len(place.house.sent("SyncExecutionRequest")) == 1


@pytest.mark.parametrize("reason", ["NO_RESULT_BACKEND", "RESULT_BACKEND_UNAVAILABLE", "INTERNAL_DEFECT"])
def test_where_it_can_not_be_looked_up_what_is_known_is_given(place: Neighbourhood, reason: str) -> None:
    place.house.refusals["SyncExecutionRequest"] = (grpc.StatusCode.UNAVAILABLE, reason)
    record = TaskTracker.get_task("known")
    assert record is not None
    assert record.status == "STARTED"


def test_all_are_looked_up_as_far_as_the_token_may(place: Neighbourhood) -> None:
    counts = {"synced": 3, "changed": 2, "finished": 1, "unreachable": 0}
    assert TaskTracker.sync_all_unfinished_executions(max_sync=9999) == counts
    assert [each.max_count for each in place.house.sent("SyncExecutionsRequest")] == [1000]


def test_runs_are_counted(place: Neighbourhood) -> None:
    without_zone = datetime(2026, 1, 31)  # noqa: DTZ001 - as projects without USE_TZ have it
    stats = TaskTracker.get_task_stats(module="m", created_by=User(), start_date=without_zone, status="SUCCESS")
    assert (stats["total"], stats["by_status"], stats["success_rate"]) == (4, {"SUCCESS": 4}, 1.0)
    (sent,) = place.house.requests
    assert (sent.module, sent.created_by, sent.status) == ("m", "7", TaskExecution.SUCCESS)
    assert datetime.fromisoformat(sent.start_date).tzinfo


def test_a_service_that_is_away_breaks_nobody(place: Neighbourhood) -> None:
    place.server.kill()
    record = TaskTracker.get_task("known")
    assert record is not None
    assert (record.id, record.status, record.source) == ("", "PENDING", "")
    moved = TaskTracker.update_task_status("known", "SUCCESS", result=1)
    assert moved is not None
    assert (moved.id, moved.status, moved.result) == ("", "SUCCESS", 1)
    assert TaskTracker.get_task_stats()["total"] is None
    assert TaskTracker.get_task_stats()["by_status"] == {}
    assert TaskTracker.sync_all_unfinished_executions()["synced"] == 0
    place.server.start()
    assert [each.run.task_id for each in place.later()] == ["known"]


@pytest.mark.parametrize(
    "odd", [object(), float("nan"), b"\xff", "\ud800", [[[[]]]]], ids=["object", "nan", "bytes", "surrogate", "nested"]
)
def test_no_value_breaks_anybody(place: Neighbourhood, odd: Any) -> None:
    TaskTracker.register_task(odd, odd, odd, odd, odd, odd, odd, odd)
    TaskTracker.register_task("c1", "t", "m", odd, {"odd": odd}, None, {"odd": odd})
    TaskTracker.update_task_status(odd, odd, odd, odd, odd, odd)
    TaskTracker.update_task_status("known", "SUCCESS", odd, odd, odd, {"odd": odd})
    TaskTracker.get_task(odd)
    TaskTracker.get_task_stats(odd, odd, odd, odd, odd, odd, nonsense=odd)
    TaskTracker.sync_all_unfinished_executions(odd)
    assert len(place.house.sent("RegisterExecutionRequest")) >= 1
