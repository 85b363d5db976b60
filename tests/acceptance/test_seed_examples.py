"""The JSON bodies of the first description, as they are, over REST and over gRPC: accepted, due when they say, and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import seed_examples
from acceptance_api import Api, Rest, create_both_ways
from acceptance_target import Target

from task_manager import TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution

Create = Callable[[str], dict[str, Any]]


@pytest.fixture(params=["rest", "grpc"])
def create(request: pytest.FixtureRequest, api: Api) -> Iterator[Create]:
    """Creates a task from JSON text over one of the ports. What is left of it at the end is stopped."""
    made: list[str] = []
    over = create_both_ways(api)[request.param]

    def create(text: str) -> dict[str, Any]:
        task = over(text)
        made.append(task["task_id"])
        return task

    yield create
    for task_id in made:
        api.rest.post(f"/api/tasks/{task_id}/stop")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def changed(text: str, **fields: Any) -> str:
    """The same body with other values; a field that is None is left out."""
    body = json.loads(text) | fields
    return json.dumps({name: value for name, value in body.items() if value is not None})


def run(client: TaskClient, task: dict[str, Any]) -> TaskExecution:
    return client.wait(task["task_id"], timeout=30)


@pytest.mark.parametrize("text", seed_examples.ALL.values(), ids=seed_examples.ALL)
def test_every_example_is_stored_as_it_was_sent(create: Create, rest: Rest, text: str) -> None:
    task = create(text)
    stored = rest.get(f"/api/tasks/{task['task_id']}")
    for field, value in json.loads(text).items():
        assert task[field] == value
        assert stored[field] == value
    assert stored["created_by"] == {"id": "admin", "username": "admin"}


@pytest.mark.parametrize(
    ("text", "result"), [(seed_examples.CODE, 7), (seed_examples.CODE_NOW, "Hello World!")], ids=["code", "immediate"]
)
def test_an_immediate_code_task_runs(create: Create, client: TaskClient, text: str, result: object) -> None:
    execution = run(client, create(text))
    assert execution.status == TaskExecution.SUCCESS, execution
    assert to_python(execution.result) == result


@pytest.mark.parametrize("text", [seed_examples.CODE_LATER, seed_examples.API_LATER], ids=["code", "api"])
def test_a_delayed_task_waits_for_its_time(create: Create, rest: Rest, text: str) -> None:
    task = create(text)
    assert task["status"] == "SCHEDULED"
    due = moment(task["created_at"]) + timedelta(seconds=json.loads(text)["delay_seconds"])
    assert moment(task["next_run_at"]) == due
    (execution,) = rest.get("/api/v1/tasks/executions/", params={"parent_task": task["task_id"]})["executions"]
    assert (execution["status"], moment(execution["due_at"])) == ("PENDING", due)


@pytest.mark.parametrize("text", [seed_examples.CODE_BY_CRON, seed_examples.API_BY_CRON], ids=["code", "api"])
def test_a_cron_task_waits_for_its_next_time(create: Create, text: str) -> None:
    task = create(text)
    assert (task["status"], task["run_count"]) == ("SCHEDULED", "0")
    created = moment(task["created_at"])
    if json.loads(text)["cron_expression"] == "0 0 * * *":
        due = datetime.combine(created.date() + timedelta(days=1), datetime.min.time(), UTC)
    else:
        due = created.replace(minute=created.minute // 5 * 5, second=0, microsecond=0) + timedelta(minutes=5)
    assert moment(task["next_run_at"]) == due


def test_the_delayed_code_task_runs_when_its_delay_is_over(create: Create, client: TaskClient) -> None:
    execution = run(client, create(changed(seed_examples.CODE_LATER, delay_seconds=0.5)))
    assert to_python(execution.result) == 7
    waited = execution.started_at.ToDatetime() - execution.created_at.ToDatetime()
    assert timedelta(seconds=0.5) <= waited < timedelta(seconds=5)


def test_the_scheduled_code_task_runs_at_its_cron_time(create: Create, client: TaskClient) -> None:
    execution = run(client, create(changed(seed_examples.CODE_BY_CRON, cron_expression="* * * * * *", max_runs=1)))
    assert to_python(execution.result) == "日报生成完成"
    assert execution.HasField("scheduled_for")


def test_the_scheduled_code_task_runs_out_of_turn(create: Create, client: TaskClient) -> None:
    task = create(seed_examples.CODE_BY_CRON)
    execution = client.run(task["task_id"]).last_execution
    list(client.logs(execution.id, follow=True))
    execution = client.get_execution(execution.id)
    assert to_python(execution.result) == "日报生成完成"
    after = client.get(task["task_id"])
    assert after.next_run_at.ToDatetime(UTC) == moment(task["next_run_at"])


@pytest.mark.parametrize("text", [seed_examples.API, seed_examples.API_NOW], ids=["api", "immediate"])
def test_an_immediate_api_task_calls_its_url(create: Create, client: TaskClient, target: Target, text: str) -> None:
    execution = run(client, create(changed(text, api_url=f"{target.url}/get")))
    assert execution.status == TaskExecution.SUCCESS, execution
    result = to_python(execution.result)
    assert (result["status"], json.loads(result["body"])["method"]) == (200, "GET")
    request = target.next_request()
    assert (request.method, request.path, request.body) == ("GET", "/get", b"")


def test_the_delayed_api_task_posts_its_data(create: Create, client: TaskClient, target: Target) -> None:
    execution = run(client, create(changed(seed_examples.API_LATER, api_url=f"{target.url}/post", delay_seconds=0.5)))
    assert execution.status == TaskExecution.SUCCESS, execution
    request = target.next_request()
    assert (request.method, request.path, request.headers["content-type"]) == ("POST", "/post", "application/json")
    assert json.loads(request.body) == {"message": "延时请求"}
    assert execution.started_at.ToDatetime() - execution.created_at.ToDatetime() >= timedelta(seconds=0.5)


def test_the_scheduled_api_task_calls_at_its_cron_time(create: Create, client: TaskClient, target: Target) -> None:
    body = changed(
        seed_examples.API_BY_CRON, api_url=f"{target.url}/status/200", cron_expression="* * * * * *", max_runs=1
    )
    execution = run(client, create(body))
    assert to_python(execution.result)["status"] == 200
    assert target.next_request().path == "/status/200"
