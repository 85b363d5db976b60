"""RegisterExecution as the first request has it: over REST, with a slash at the end, and over gRPC."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from acceptance_api import Api
from acceptance_stack import Stack

from task_manager.v1 import execution_service_pb2


def body(**fields: Any) -> dict[str, Any]:
    return {
        "task_id": str(uuid.uuid4()),
        "task_name": "myapp.tasks.my_task",
        "module": "myapp",
        "task_kwargs": {"arg1": 1, "arg2": "x"},
        "metadata": {"source": "manual_trigger"},
        **fields,
    }


def test_a_run_is_recorded_and_found_by_every_path_of_the_first_request(bob: Api) -> None:
    sent = body()
    made = bob.rest.post("/api/v1/tasks/executions/", sent)
    assert made["status"] == "PENDING"
    assert (made["created_by_id"], made["created_by_username"]) == ("bob", "bob")
    for name, value in sent.items():
        assert made[name] == value
    for path in (
        f"/api/v1/tasks/executions/{made['id']}/",
        f"/api/v1/tasks/executions/by-task-id/{sent['task_id']}/",
    ):
        assert bob.rest.get(path) == made
    status = bob.rest.get(f"/api/v1/tasks/executions/status/?task_id={sent['task_id']}")
    assert (status["id"], status["status"], status["terminal"]) == (made["id"], "PENDING", False)
    listed = bob.rest.get("/api/v1/tasks/executions/my-tasks/?module=myapp&task_name=myapp.tasks.my_task")
    assert made["id"] in [each["id"] for each in listed["executions"]]
    # Again, over the other port.
    again = bob.call(
        bob.executions.RegisterExecution,
        execution_service_pb2.RegisterExecutionRequest(task_id=sent["task_id"], task_name="x", module="y"),
    )
    assert again.id == made["id"]
    assert again.task_name == "myapp.tasks.my_task"


@pytest.mark.parametrize("status", ["STARTED", "SUCCESS"])
def test_it_may_begin_elsewhere(bob: Api, status: str) -> None:
    made = bob.rest.post("/api/v1/tasks/executions", body(initial_status=status))
    assert made["status"] == status
    assert bool(made["finished_at"]) == (status == "SUCCESS")


def test_what_others_registered_is_not_told(bob: Api, api: Api) -> None:
    sent = body(task_kwargs={"password": "hunter2"})
    his = bob.rest.post("/api/v1/tasks/executions/", sent)
    own = api.rest.post("/api/v1/tasks/executions/", body(task_id=sent["task_id"]))
    assert own["id"] != his["id"]
    assert "hunter2" not in str(own)


def test_for_others_it_takes_the_grant(stack: Stack, api: Api, bob: Api) -> None:
    sent = body(created_by="li")
    for caller in (api, bob):
        for wrong in (sent, sent | {"task_id": ""}):
            status, failure = caller.rest.failure("POST", "/api/v1/tasks/executions/", wrong)
            assert (status, failure.metadata) == (403, {"permission": "executions:register-for-others"})
    made = api.rest.post(
        "/api/v1/admin/tokens",
        {"owner": {"id": "svc"}, "role": "editor", "grants": ["executions:register-for-others"]},
    )
    service = stack.api(made["key"])
    registered = service.rest.post("/api/v1/tasks/executions/", sent)
    assert registered["created_by"] == {"id": "li", "username": "li"}
    assert service.rest.failure("GET", f"/api/v1/tasks/executions/{registered['id']}")[0] == 404
    li = stack.api(stack.token("li", "viewer"))
    assert li.rest.get(f"/api/v1/tasks/executions/{registered['id']}")["task_kwargs"] == sent["task_kwargs"]


def test_all_that_is_wrong_is_said_at_once(bob: Api) -> None:
    wrong = {
        "task_id": "",
        "task_name": "x" * 156,
        "module": "a\nb",
        "task_args": ["x" * 300_000],
        "metadata": {"x": "y" * 70_000},
        "created_by": "",
        "initial_status": 99,
    }
    status, failure = bob.rest.failure("POST", "/api/v1/tasks/executions/", wrong)
    assert status == 400
    assert set(failure.violations) == {"task_id", "task_name", "module", "task_args", "metadata", "initial_status"}
