"""WatchTasks over gRPC and over REST: the state, a bookmark, then every change once, resumable anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from acceptance_api import Api
from google.protobuf import json_format

from task_manager import TaskClient
from task_manager.v1 import task_service_pb2

CODE = "def main():\n    return 1"
Event = dict[str, Any]


@contextmanager
def over_rest(api: Api, **fields: Any) -> Iterator[Iterator[Event]]:
    query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()}
    task_id = query.pop("task_id", "")
    path = f"/api/tasks/{task_id}/watch/" if task_id else "/api/tasks/watch/"
    with api.rest.lines(path, params=query) as lines:
        yield (line["result"] for line in lines)


@contextmanager
def over_grpc(api: Api, **fields: Any) -> Iterator[Iterator[Event]]:
    call = api.call(api.tasks.WatchTasks, task_service_pb2.WatchTasksRequest(**fields))
    yield (json_format.MessageToDict(event, preserving_proto_field_name=True) for event in call)
    call.cancel()


@pytest.fixture(params=[over_rest, over_grpc], ids=["rest", "grpc"])
def watch(request: pytest.FixtureRequest) -> Any:
    return request.param


def seen(event: Event) -> tuple[str, str, str]:
    """Type of the event, status of the task, status of the execution."""
    task, execution = event.get("task") or {}, event.get("execution") or {}
    return event["type"], task.get("status", ""), execution.get("status", "")


def make(client: TaskClient, **fields: Any) -> str:
    return client.create_task("watched", function_code=CODE, function_name="main", **fields).task_id


def test_the_state_then_a_bookmark_then_every_change(client: TaskClient, api: Api, watch: Any) -> None:
    module = str(uuid.uuid4())
    first = make(client, module=module, delay_seconds=3600)
    with watch(api, module=module) as events:
        state = next(events)
        assert (seen(state), state["task"]["task_id"]) == (("ADDED", "SCHEDULED", "PENDING"), first)
        assert seen(next(events))[0] == "BOOKMARK"
        second = make(client, module=module)
        life = [next(events) for _ in range(3)]
        assert {event["task"]["task_id"] for event in life} == {second}
        wanted = [
            ("ADDED", "PENDING", "PENDING"),
            ("MODIFIED", "STARTED", "STARTED"),
            ("MODIFIED", "SUCCESS", "SUCCESS"),
        ]
        assert [seen(event) for event in life] == wanted
        assert len({event["watch_token"] for event in life}) == 3
        client.stop(first)
        assert seen(next(events)) == ("MODIFIED", "REVOKED", "REVOKED")
        client.delete(first)
        assert seen(next(events))[0] == "DELETED"


def test_a_watch_of_one_task_ends_with_it(client: TaskClient, api: Api, watch: Any) -> None:
    task_id = make(client, delay_seconds=0.5)
    with watch(api, task_id=task_id, until_terminal=True) as events:
        found = [seen(event) for event in events]
    assert found[0] == ("ADDED", "SCHEDULED", "PENDING")
    assert found[1] == ("BOOKMARK", "", "")
    # Between due and claimed it is seen PENDING, or not, if a worker was quick.
    assert found[-2:] == [("MODIFIED", "STARTED", "STARTED"), ("MODIFIED", "SUCCESS", "SUCCESS")]


def test_a_watch_of_a_task_that_has_ended_ends_at_once(client: TaskClient, api: Api, watch: Any) -> None:
    task_id = make(client)
    client.wait(task_id, timeout=20)
    with watch(api, task_id=task_id, until_terminal=True) as events:
        assert [seen(event)[:2] for event in events] == [("ADDED", "SUCCESS"), ("BOOKMARK", "")]


def test_a_token_gives_exactly_the_changes_after_it(client: TaskClient, api: Api, watch: Any) -> None:
    task = client.create_task("watched", function_code=CODE, function_name="main")
    client.wait(task.task_id, timeout=20)
    with watch(api, task_id=task.task_id, until_terminal=True, watch_token=task.watch_token) as events:
        life = list(events)
    assert [seen(event)[:2] for event in life] == [("MODIFIED", "STARTED"), ("MODIFIED", "SUCCESS")]
    for position, event in enumerate(life):
        fields = {"task_id": task.task_id, "until_terminal": True, "watch_token": event["watch_token"]}
        with watch(api, **fields) as events:
            assert list(events) == life[position + 1 :]


def test_a_lists_token_goes_on_without_a_gap(client: TaskClient, api: Api, watch: Any) -> None:
    module = str(uuid.uuid4())
    token = api.rest.get(f"/api/tasks?module={module}")["watch_token"]
    task_id = make(client, module=module)
    client.wait(task_id, timeout=20)
    with watch(api, module=module, watch_token=token) as events:
        life = [seen(next(events))[:2] for _ in range(3)]
    assert life == [("ADDED", "PENDING"), ("MODIFIED", "STARTED"), ("MODIFIED", "SUCCESS")]


def test_others_tasks_are_not_seen(client: TaskClient, bob: Api, watch: Any) -> None:
    module = str(uuid.uuid4())
    with watch(bob, module=module) as events:
        assert seen(next(events))[0] == "BOOKMARK"
        make(client, module=module, delay_seconds=3600)
        body = {"name": "own", "module": module, "function_code": CODE, "function_name": "main"}
        own = bob.rest.post("/api/tasks", body)["task_id"]
        assert next(events)["task"]["task_id"] == own
