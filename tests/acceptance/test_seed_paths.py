"""Every path of both descriptions, with and without the slash at its end, as `curl` would call it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import seed_examples
from acceptance_api import Api, Rest

from task_manager import TaskClient
from task_manager.v1.execution_pb2 import TaskExecution

SLASHES = pytest.mark.parametrize("slash", ["", "/"], ids=["plain", "slash"])
UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def done(client: TaskClient) -> TaskExecution:
    """An execution that has ended, of a module of its own."""
    code = "def calculate():\n    return 1 + 2 * 3"
    task = client.create_task("seed paths", module="seed-paths", function_code=code, function_name="calculate")
    return client.wait(task.task_id, timeout=30)


@SLASHES
def test_tasks_are_created_listed_read_stopped_and_deleted(rest: Rest, slash: str) -> None:
    task_id = rest.post(f"/api/tasks{slash}", seed_examples.CODE_LATER)["task_id"]
    assert rest.get(f"/api/tasks{slash}")["tasks"][0]["task_id"] == task_id
    assert rest.get(f"/api/tasks/{task_id}{slash}")["name"] == "延时计算任务"
    assert rest.post(f"/api/tasks/{task_id}/stop{slash}")["outcome"] == "NEVER_STARTED"
    assert rest.answer("DELETE", f"/api/tasks/{task_id}{slash}") == {}
    assert rest.failure("GET", f"/api/tasks/{task_id}{slash}")[0] == 404


@SLASHES
def test_scheduled_tasks_are_created_and_listed(rest: Rest, slash: str) -> None:
    task_id = rest.post(f"/api/scheduled-tasks{slash}", seed_examples.CODE_BY_CRON)["task_id"]
    listed = rest.get(f"/api/scheduled-tasks{slash}")["tasks"]
    assert listed[0]["task_id"] == task_id
    assert {task["task_type"] for task in listed} == {"scheduled"}
    rest.answer("DELETE", f"/api/tasks/{task_id}")


@SLASHES
def test_an_execution_is_read_by_both_of_its_ids(rest: Rest, done: TaskExecution, slash: str) -> None:
    by_id = rest.get(f"/api/v1/tasks/executions/{done.id}{slash}")
    assert rest.get(f"/api/v1/tasks/executions/by-task-id/{done.task_id}{slash}") == by_id
    assert by_id["task_name"] == "seed paths"
    assert by_id["module"] == "seed-paths"
    assert by_id["status"] == "SUCCESS"
    assert by_id["result"] == 7
    assert by_id["task_args"] == []
    assert by_id["task_kwargs"] == {}
    assert (by_id["error"], by_id["traceback"]) == ("", "")
    assert by_id["created_by"] == {"id": "admin", "username": "admin"}
    assert (by_id["created_by_id"], by_id["created_by_username"]) == ("admin", "admin")
    created, started, finished = (
        datetime.fromisoformat(by_id[f"{name}_at"]) for name in ("created", "started", "finished")
    )
    assert created <= started <= finished


@SLASHES
def test_the_status_is_polled_by_task_id(rest: Rest, done: TaskExecution, slash: str) -> None:
    answer = rest.get(f"/api/v1/tasks/executions/status{slash}?task_id={done.task_id}")
    assert (answer["task_id"], answer["status"], answer["terminal"]) == (done.task_id, "SUCCESS", True)


TODAY = datetime.now(UTC).date()


@SLASHES
@pytest.mark.parametrize("path", ["/api/v1/tasks/executions", "/api/v1/tasks/executions/my-tasks"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("task_name=seed%20paths", True),
        ("task_name=other", False),
        ("status=SUCCESS", True),
        *((f"status={status}", False) for status in ("PENDING", "STARTED", "FAILURE", "RETRY", "REVOKED")),
        (f"start_date={TODAY - timedelta(days=1)}", True),
        (f"start_date={TODAY + timedelta(days=2)}", False),
        (f"end_date={TODAY + timedelta(days=1)}", True),
        (f"end_date={TODAY - timedelta(days=2)}", False),
    ],
)
def test_executions_are_listed_by_the_seeds_parameters(
    rest: Rest, done: TaskExecution, path: str, query: str, found: bool, slash: str
) -> None:
    answer = rest.get(f"{path}{slash}?module=seed-paths&{query}")
    assert [each["id"] for each in answer["executions"]] == ([done.id] if found else [])
    assert answer["total_size"] == str(int(found))


@SLASHES
def test_everybodys_executions_are_for_those_who_may_see_them(
    rest: Rest, bob: Api, done: TaskExecution, slash: str
) -> None:
    path = f"/api/v1/tasks/executions{slash}?module=seed-paths"
    assert bob.rest.get(path)["executions"] == []
    for others in ("my_tasks=false", "created_by=admin"):
        assert [each["id"] for each in rest.get(f"{path}&{others}")["executions"]] == [done.id]
        status, failure = bob.rest.failure("GET", f"{path}&{others}")
        assert (status, failure.code, failure.reason) == (403, "PERMISSION_DENIED", "PERMISSION_MISSING")
    assert bob.rest.get(f"{path}&created_by=bob")["executions"] == []
    assert bob.rest.failure("GET", f"/api/v1/tasks/executions/{done.id}{slash}")[0] == 404


@SLASHES
def test_statistics_are_the_callers_own_unless_it_may_ask_for_others(
    rest: Rest, bob: Api, done: TaskExecution, slash: str
) -> None:
    path = f"/api/v1/tasks/executions/stats{slash}?module=seed-paths&task_name=seed%20paths"
    assert rest.get(path)["by_status"] == {"SUCCESS": "1"}
    assert bob.rest.get(path)["total"] == "0"
    for others in ("my_tasks=false", "created_by=admin"):
        assert rest.get(f"{path}&{others}")["by_user"] == {"admin": "1"}
        status, failure = bob.rest.failure("GET", f"{path}&{others}")
        assert (status, failure.code, failure.reason) == (403, "PERMISSION_DENIED", "PERMISSION_MISSING")


@SLASHES
def test_a_run_that_is_not_there_is_not_synced(rest: Rest, slash: str) -> None:
    status, failure = rest.failure("POST", f"/api/v1/tasks/executions/{UNKNOWN_ID}/sync{slash}")
    assert (status, failure.code, failure.reason) == (404, "NOT_FOUND", "EXECUTION_NOT_FOUND")


def test_a_date_at_the_end_counts_whole(rest: Rest, done: TaskExecution) -> None:
    day: date = done.created_at.ToDatetime(UTC).date()
    answer = rest.get(f"/api/v1/tasks/executions/?module=seed-paths&start_date={day}&end_date={day}")
    assert [each["id"] for each in answer["executions"]] == [done.id]
