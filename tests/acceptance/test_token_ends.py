"""Tokens through the real ports and the real command: another process revokes one, and everything of it ends."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from acceptance_api import Api, Rest, rest_failure
from acceptance_stack import Stack, eventually
from tests.processes import command

from task_manager.v1 import execution_service_pb2, task_pb2, task_service_pb2

#: It is seen within 5 s (tests/unit/api/test_open_streams.py); a busy machine may take longer to say so.
SEEN_SECONDS = 20.0


def token_command(stack: Stack, *arguments: str) -> str:
    """What `task-server token ...` prints."""
    done = subprocess.run(
        command("token", *arguments, "--data-dir", str(stack.data_dir)),
        env=stack.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def carol(stack: Stack) -> Iterator[Api]:
    """A user whose token a test may revoke."""
    api = stack.api(stack.token("carol"))
    yield api
    api.close()


def key(api: Api) -> str:
    return str(api.metadata[0][1]).removeprefix("Bearer ")


def test_a_token_that_is_revoked_by_command_ends_streams_of_both_ports(stack: Stack, carol: Api) -> None:
    task = carol.create(
        task_pb2.Task(
            name="t", function_code="import time\ndef f():\n    print(1)\n    time.sleep(60)", function_name="f"
        )
    )
    execution_id = task.last_execution.id
    watch = carol.tasks.WatchTasks(task_service_pb2.WatchTasksRequest(), metadata=carol.metadata, timeout=60)
    next(watch)
    request = execution_service_pb2.TailExecutionLogsRequest(id=execution_id, follow=True)
    tail = carol.executions.TailExecutionLogs(request, metadata=carol.metadata, timeout=60)
    with (
        carol.rest.lines("/api/tasks/watch", timeout=60) as lines,
        carol.rest.send(
            "GET", f"/api/v1/tasks/executions/{execution_id}/logs?follow=true", stream=True, timeout=60
        ) as log,
    ):
        next(lines)
        token_command(stack, "revoke", key(carol).split("_")[1])
        began = time.monotonic()
        for stream in (watch, tail):
            with pytest.raises(grpc.RpcError) as caught:
                list(stream)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        *_, last = lines
        assert last["error"]["code"] == 16
        assert b"INVALID_CREDENTIALS" in log.content
    assert time.monotonic() - began < SEEN_SECONDS
    assert carol.failure(carol.tasks.GetTask, task_service_pb2.GetTaskRequest(task_id=task.task_id)).code == (
        "UNAUTHENTICATED"
    )
    assert carol.rest.failure("GET", f"/api/tasks/{task.task_id}")[0] == 401
    stack.api().rest.post(f"/api/tasks/{task.task_id}/stop")


def test_an_admin_makes_lists_and_revokes_tokens_over_rest(stack: Stack, rest: Rest) -> None:
    made = rest.post("/api/v1/admin/tokens", {"owner": {"id": "dave"}, "role": "viewer", "name": "wall"})
    assert made["key"].startswith(f"tsk_{made['token']['id']}_")
    dave = stack.api(made["key"])
    assert dave.rest.get("/api/tasks")["tasks"] == []
    status, failure = dave.rest.failure("POST", "/api/tasks", {"name": "x", "api_url": "https://example.com"})
    assert (status, failure.metadata) == (403, {"permission": "tasks.create"})
    status, failure = dave.rest.failure("GET", "/api/v1/admin/tokens")
    assert (status, failure.metadata) == (403, {"permission": "admin"})
    listed = rest.get("/api/v1/admin/tokens")["tokens"]
    assert made["token"]["id"] in [token["id"] for token in listed]
    assert made["key"].split("_")[2] not in json.dumps(listed)
    revoked = rest.post(f"/api/v1/admin/tokens/{made['token']['id']}/revoke")
    assert revoked["token"]["revoked_at"]
    assert dave.rest.failure("GET", "/api/tasks")[0] == 401
    status, failure = rest.failure("POST", f"/api/v1/admin/tokens/{'0' * 16}/revoke")
    assert (status, failure.reason) == (404, "TOKEN_NOT_FOUND")


def test_the_list_of_the_command_says_when_a_token_was_last_used(stack: Stack) -> None:
    made = token_command(stack, "create", "--user", "erin", "--token-name", "used", "--expires-in", "1h")

    def listed() -> dict[str, Any]:
        (token,) = [each for each in json.loads(token_command(stack, "list", "--json")) if each["user"] == "erin"]
        return token

    token = listed()
    assert (token["state"], token["name"], token["role"], token["last_used_at"]) == ("works", "used", "editor", None)
    assert "secret" not in json.dumps(token)
    assert made.split("_")[2] not in json.dumps(token)
    stack.api(made).rest.get("/api/tasks")
    used = eventually(lambda: listed()["last_used_at"], seconds=40, what="the use is stored")
    assert used.endswith(":00Z")


def test_a_token_that_expires_is_refused(stack: Stack) -> None:
    api = stack.api(token_command(stack, "create", "--user", "fay", "--expires-in", "4s"))
    api.rest.get("/api/tasks")
    with api.rest.lines("/api/tasks/watch", timeout=60) as lines:
        *_, last = lines
    assert last["error"]["code"] == 16
    assert rest_failure(api.rest.send("GET", "/api/tasks").text).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("grant", ["code:create", "api:create"])
def test_a_task_is_made_and_changed_with_the_grant_for_its_kind_alone(stack: Stack, grant: str) -> None:
    api = stack.api(token_command(stack, "create", "--user", "gus", "--grant", grant))
    bodies = {
        "code:create": {"name": "x", "function_code": "def f(): return 1", "function_name": "f", "delay_seconds": 600},
        "api:create": {"name": "x", "api_url": "https://example.com", "delay_seconds": 600},
    }
    (other,) = set(bodies) - {grant}
    task_id = api.rest.post("/api/tasks", bodies[grant])["task_id"]
    for method, path, body in (
        ("POST", "/api/tasks", bodies[other]),
        ("POST", "/api/tasks?validate_only=true", {**bodies[other], "name": ""}),
        ("POST", "/api/scheduled-tasks", bodies[other]),
        ("PATCH", f"/api/tasks/{task_id}", bodies[other]),
        ("PATCH", "/api/tasks/unknown", bodies[other]),
        ("PATCH", f"/api/tasks/{task_id}?update_mask=*", bodies[other]),
    ):
        status, failure = api.rest.failure(method, path, body)
        assert (status, failure.metadata) == (403, {"permission": other}), (method, path, failure)
    # What is no action anybody may change who may update.
    assert api.rest.answer("PATCH", f"/api/tasks/{task_id}", {"name": "y"})["name"] == "y"
    api.rest.answer("DELETE", f"/api/tasks/{task_id}")
