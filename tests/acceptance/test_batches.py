"""BatchCreateTasks makes many tasks at once, all of them or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from acceptance_api import Api, Failure
from google.protobuf import json_format

from task_manager import TaskClient, to_python
from task_manager.v1 import task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

CODE = "def main(n):\n    return n + 1"

Batch = Callable[[list[dict[str, Any]]], list[task_pb2.Task]]


def wanted(request_id: str = "", **fields: Any) -> dict[str, Any]:
    task = {"name": "n", "function_code": CODE, "function_name": "main", "task_args": [1], **fields}
    return {"task": task, "request_id": request_id}


def message(requests: list[dict[str, Any]]) -> task_service_pb2.BatchCreateTasksRequest:
    return json_format.ParseDict({"requests": requests}, task_service_pb2.BatchCreateTasksRequest())


@pytest.fixture(params=["rest", "grpc"])
def batch(request: pytest.FixtureRequest, api: Api) -> Batch:
    def over_rest(requests: list[dict[str, Any]]) -> list[task_pb2.Task]:
        made = api.rest.post("/api/tasks/batch", {"requests": requests})["tasks"]
        return [json_format.ParseDict(each, task_pb2.Task()) for each in made]

    def over_grpc(requests: list[dict[str, Any]]) -> list[task_pb2.Task]:
        return list(api.call(api.tasks.BatchCreateTasks, message(requests)).tasks)

    return over_rest if request.param == "rest" else over_grpc


def refused(api: Api, requests: list[dict[str, Any]]) -> Failure:
    """How both ports refuse it."""
    _, over_rest = api.rest.failure("POST", "/api/tasks/batch", {"requests": requests})
    over_grpc = api.failure(api.tasks.BatchCreateTasks, message(requests))
    assert (over_rest.code, over_rest.reason) == (over_grpc.code, over_grpc.reason)
    assert over_rest.violations == over_grpc.violations
    return over_grpc


def test_many_tasks_are_made_and_run(client: TaskClient, batch: Batch, request: pytest.FixtureRequest) -> None:
    module = f"batch-{request.node.callspec.id}"
    numbers = range(50)
    requests = [wanted(f"{module}-{n}", module=module, task_args=[n]) for n in numbers]
    requests.append(wanted(module=module, cron_expression="@yearly"))

    made = batch(requests)

    assert [to_python(task.task_args) for task in made[:50]] == [[n] for n in numbers]
    assert made[50].task_type == "scheduled"
    assert all(task.watch_token for task in made)
    runs = [client.wait(task.task_id, timeout=30) for task in made[:50]]
    assert {run.status for run in runs} == {TaskExecution.SUCCESS}
    assert [to_python(run.result) for run in runs] == [n + 1 for n in numbers]
    # Once more, as after a connection that broke: nothing is made twice.
    assert [task.task_id for task in batch(requests[:50])] == [task.task_id for task in made[:50]]
    assert client.stats(module=module).total == 51
    client.stop(made[50].task_id)


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_made(client: TaskClient, api: Api) -> None:
    failure = refused(
        api,
        [
            wanted(module="wrong"),
            wanted("twice", name="", module="wrong"),
            wanted("twice", function_code="import os", module="wrong"),
            wanted(module="wrong") | {"validate_only": True},
        ],
    )
    assert failure.reason == "INVALID_FIELDS"
    assert set(failure.violations) == {
        "requests[1].task.name",
        "requests[2].request_id",
        "requests[2].task.function_code",
        "requests[3].validate_only",
    }
    assert set(refused(api, []).violations) == {"requests"}
    assert "1 to 1,000 tasks, not 1,001" in refused(api, [wanted()] * 1001).violations["requests"]
    assert client.stats(module="wrong").total == 0


def test_a_request_id_that_was_used_for_another_task_makes_none(client: TaskClient, api: Api) -> None:
    client.create_task("first", request_id="used", module="used", function_code=CODE, function_name="main")
    failure = refused(api, [wanted(module="used"), wanted("used", module="used")])
    assert (failure.code, failure.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert failure.metadata == {"request_id": "used"}
    assert client.stats(module="used").total == 1
