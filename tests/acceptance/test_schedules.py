"""Time through the real scheduler: cron fires when it says and stops when it should, delayed tasks are never early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acceptance_api import Api, Rest, task_of

from task_manager import TaskClient
from task_manager.v1 import task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

CODE = "def main():\n    return 1"


def test_cron_fires_on_time_and_stops_after_its_last_run(client: TaskClient) -> None:
    task = client.create_task(
        "twice", cron_expression="* * * * * *", max_runs=2, function_code=CODE, function_name="main"
    )
    assert task.status == task_pb2.Task.SCHEDULED
    first = task.next_run_at.ToDatetime(UTC)
    client.wait(task.task_id, timeout=20)
    after = client.get(task.task_id)
    assert (after.status, after.run_count) == (task_pb2.Task.SUCCESS, 2)
    assert not after.HasField("next_run_at")
    runs = sorted(client.list_executions(parent_task=task.task_id), key=lambda run: run.id)
    assert [run.scheduled_for.ToDatetime(UTC) for run in runs] == [first, first + timedelta(seconds=1)]
    for run in runs:
        assert run.status == TaskExecution.SUCCESS
        late = run.started_at.ToDatetime() - run.scheduled_for.ToDatetime()
        assert timedelta(0) <= late < timedelta(seconds=2)


def test_delayed_tasks_start_never_early_and_soon(client: TaskClient) -> None:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {"function_code": CODE, "function_name": "main"}
    made = [client.create_task("late", delay_seconds=n / 8, **fields) for n in range(1, 11)]
    made += [client.create_task("at", run_at=now + timedelta(seconds=n / 5), **fields) for n in range(1, 6)]
    for task in made:
        run = client.wait(task.task_id, timeout=20)
        assert run.status == TaskExecution.SUCCESS
        late = run.started_at.ToNanoseconds() - run.due_at.ToNanoseconds()
        assert 0 <= late < 3e9
        delayed_until = task.created_at.ToNanoseconds() + round(task.delay_seconds * 1e9)
        # What is due when it is made is due at once.
        at = max(task.run_at.ToNanoseconds(), task.created_at.ToNanoseconds())
        wanted = at if task.HasField("run_at") else delayed_until
        assert run.due_at.ToNanoseconds() == wanted


def test_a_time_in_the_past_means_now(client: TaskClient) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    task = client.create_task("past", run_at=past, function_code=CODE, function_name="main")
    assert task.task_type == "delayed"
    assert client.wait(task.task_id, timeout=20).status == TaskExecution.SUCCESS


@pytest.mark.parametrize("path", ["/api/tasks", "/api/scheduled-tasks"])
def test_validate_only_tells_five_fire_times_and_stores_nothing(rest: Rest, path: str) -> None:
    body = {
        "name": "report",
        "cron_expression": "30 9 * * 1-5",
        "time_zone": "Asia/Shanghai",
        "function_code": CODE,
        "function_name": "main",
    }
    before = rest.get("/api/tasks/stats?my_tasks=false")
    task = rest.post(f"{path}?validate_only=true", body)
    times = [datetime.fromisoformat(text) for text in task["upcoming_run_times"]]
    assert len(times) == 5
    assert times == sorted(set(times))
    assert times[0] > datetime.now(UTC)
    for time in times:
        # Half past nine in Shanghai, which knows no summer time, is half past one in UTC.
        assert (time.hour, time.minute, time.second, time.weekday() < 5) == (1, 30, 0, True)
    assert [each["time"] for each in task["upcoming_fire_times"]] == task["upcoming_run_times"]
    assert all(each["local_time"].endswith("T09:30:00+08:00") for each in task["upcoming_fire_times"])
    assert task["schedule_description"] == "At 09:30, Monday through Friday"
    assert (task["task_id"], task["status"], task["next_run_at"]) == ("", "SCHEDULED", task["upcoming_run_times"][0])
    assert rest.get("/api/tasks/stats?my_tasks=false") == before


def test_validate_only_over_grpc_stores_nothing(api: Api, client: TaskClient) -> None:
    before = client.stats(my_tasks=False)
    task = task_of({"name": "n", "cron_expression": "@daily", "function_code": CODE, "function_name": "main"})
    scheduled = task_service_pb2.CreateScheduledTaskRequest(task=task, validate_only=True)
    for answer in (api.create(task, validate_only=True), api.call(api.tasks.CreateScheduledTask, scheduled)):
        assert len(answer.upcoming_run_times) == 5
        assert not answer.task_id
    at_once = api.create(task_of({"name": "n", "function_code": CODE, "function_name": "main"}), validate_only=True)
    assert (at_once.task_type, list(at_once.upcoming_run_times)) == ("immediate", [])
    assert client.stats(my_tasks=False) == before
