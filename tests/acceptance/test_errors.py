"""Bad input over both ports: the fitting code, every violation with its path, nothing stored, nothing logged as a defect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from acceptance_api import Api, Failure, rest_failure, task_of
from acceptance_stack import Stack
from google.protobuf.message import Message

from task_manager import TaskClient
from task_manager.v1 import execution_service_pb2, task_service_pb2
from task_manager.v1.task_pb2 import Task

CODE: dict[str, Any] = {"function_code": "def main():\n    return 1", "function_name": "main"}
UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"

#: Task in REST's JSON, to the failure of creating it.
Refuse = Callable[[dict[str, Any]], Failure]


@pytest.fixture(scope="module")
def theirs(client: TaskClient) -> Task:
    """A task of the admin's, which bob may not see; its time never comes. There is another one, for a second page."""
    task, _ = (client.create_task("theirs", delay_seconds=3600, **CODE) for _ in range(2))
    assert task.last_execution.id
    return task


@pytest.fixture(autouse=True)
def nothing_is_stored_or_logged(stack: Stack, client: TaskClient, theirs: Task) -> Iterator[None]:
    before, position = client.stats(my_tasks=False), stack.log_position()
    yield
    assert client.stats(my_tasks=False) == before
    assert stack.faults(position) == []


@pytest.fixture(params=["rest", "grpc"])
def refuse(request: pytest.FixtureRequest, api: Api) -> Refuse:
    def over_rest(task: dict[str, Any]) -> Failure:
        status, failure = api.rest.failure("POST", "/api/tasks", task)
        assert status == 400
        return failure

    def over_grpc(task: dict[str, Any]) -> Failure:
        return api.failure(api.tasks.CreateTask, task_service_pb2.CreateTaskRequest(task=task_of(task)))

    return over_rest if request.param == "rest" else over_grpc


def assert_violations(failure: Failure, wanted: dict[str, str]) -> None:
    """Exactly these fields are wrong, each with these words in what is said about it, and all stand in the message too."""
    assert (failure.code, failure.reason, failure.domain) == ("INVALID_ARGUMENT", "INVALID_FIELDS", "task-manager")
    assert set(failure.violations) == set(wanted), failure
    for field, words in wanted.items():
        assert words in failure.violations[field], failure
        assert field in failure.message


BAD_TASKS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "no action": ({"name": "n"}, {"task.function_code": "function_code with function_name, or api_url"}),
    "no name": (CODE, {"task.name": "is required"}),
    "cron": ({"name": "n", "cron_expression": "61 * * * *", **CODE}, {"task.cron_expression": "61"}),
    "cron of words": ({"name": "n", "cron_expression": "every day", **CODE}, {"task.cron_expression": ""}),
    "cron without a day": ({"name": "n", "cron_expression": "0 0 30 2 *", **CODE}, {"task.cron_expression": "never"}),
    "zone": (
        {"name": "n", "cron_expression": "@daily", "time_zone": "Mars/Base", **CODE},
        {"task.time_zone": "IANA name such as Asia/Shanghai"},
    ),
    "URL without scheme": ({"name": "n", "api_url": "example.com/x"}, {"task.api_url": "no absolute URL"}),
    "URL of another scheme": ({"name": "n", "api_url": "file:///etc/passwd"}, {"task.api_url": "http and https"}),
    "URL with password": ({"name": "n", "api_url": "http://u:p@example.com/"}, {"task.api_url": "credentials"}),
    "URL without host": ({"name": "n", "api_url": "http:///x"}, {"task.api_url": "no host"}),
    "negative delay": ({"name": "n", "delay_seconds": -1, **CODE}, {"task.delay_seconds": "from 0 to"}),
    "function not in the code": (
        {"name": "n", **CODE, "function_name": "other"},
        {"task.function_code": "other"},
    ),
    "syntax error": (
        {"name": "n", "function_code": "def main():\n    x = 1\n    return (x\n", "function_name": "main"},
        {"task.function_code": "line 3"},
    ),
    "forbidden construct": (
        {"name": "n", "function_code": "def main():\n    import os", "function_name": "main"},
        {"task.function_code": "line 2"},
    ),
    "code over 256 KiB": (
        {"name": "n", "function_code": "def main():\n    return 1\n#" + "x" * 256 * 1024, "function_name": "main"},
        {"task.function_code": "at most 262,144 bytes"},
    ),
    "task type that contradicts": (
        {"name": "n", "task_type": "immediate", "delay_seconds": 5, **CODE},
        {"task.task_type": "delayed"},
    ),
    "unknown task type": ({"name": "n", "task_type": "hourly", **CODE}, {"task.task_type": "must be one of"}),
    "method": ({"name": "n", "api_url": "http://example.com/", "method": "BREW"}, {"task.method": "GET"}),
    "header": (
        {"name": "n", "api_url": "http://example.com/", "headers": {"Host": "other"}},
        {"task.headers": "set by the service"},
    ),
    "expected status": (
        {"name": "n", "api_url": "http://example.com/", "expected_status": [200, 99, 700]},
        {"task.expected_status[1]": "not 99", "task.expected_status[2]": "not 700"},
    ),
    "fields of the other action": (
        {"name": "n", "api_url": "http://example.com/", "function_name": "main", "task_args": [1]},
        {"task.function_name": "leave it out", "task.task_args": "leave it out"},
    ),
    "many at once": (
        {
            "task_type": "immediate",
            "api_url": "gopher://x",
            "method": "get",
            "cron_expression": "* *",
            "time_zone": "Nowhere",
            "max_runs": -1,
            "timeout": 1e9,
            "queue": "a b",
            "expected_status": [1],
        },
        {
            "task.name": "",
            "task.api_url": "",
            "task.method": "",
            "task.cron_expression": "",
            "task.time_zone": "",
            "task.max_runs": "",
            "task.timeout": "",
            "task.queue": "",
            "task.expected_status[0]": "",
        },
    ),
}


@pytest.mark.parametrize(("body", "wanted"), BAD_TASKS.values(), ids=BAD_TASKS)
def test_a_bad_task_is_refused_with_all_that_is_wrong(
    refuse: Refuse, body: dict[str, Any], wanted: dict[str, str]
) -> None:
    assert_violations(refuse(body), wanted)


@pytest.mark.parametrize("field", ["task_args", "task_kwargs", "params", "data", "metadata"])
def test_numbers_that_json_does_not_know_are_refused(api: Api, field: str) -> None:
    """Over gRPC: JSON itself can not say them."""
    values = {"task_args": [0.0], "data": [0.0]}
    action = {"api_url": "http://example.com/"} if field in ("params", "data") else CODE
    task = task_of({"name": "n", **action, field: values.get(field, {"x": 0.0})})
    place = getattr(task, field)
    items = place.list_value.values if field == "data" else place.values if field == "task_args" else place.fields
    items["x" if hasattr(items, "keys") else 0].number_value = float("nan")
    failure = api.failure(api.tasks.CreateTask, task_service_pb2.CreateTaskRequest(task=task))
    assert_violations(failure, {f"task.{field}": "NaN and infinity are not JSON numbers"})


BAD_BODIES: dict[str, tuple[str | bytes, dict[str, str]]] = {
    "unknown field": ('{"name": "n", "delay_second": 5, "api_url": "http://example.com/"}', {"task.delay_second": ""}),
    "two unknown fields": (
        '{"nam": "n", "retry_policy": {"retries": 1}}',
        {"task.nam": "", "task.retry_policy.retries": ""},
    ),
    "two actions": (
        json.dumps({"name": "n", "api_url": "http://example.com/", **CODE}),
        {"task.function_code": ""},
    ),
    "two schedules": (
        json.dumps({"name": "n", "delay_seconds": 1, "cron_expression": "@daily", **CODE}),
        {"task.cron_expression": ""},
    ),
    "arguments that are no list": (json.dumps({"name": "n", "task_args": "x", **CODE}), {"task.task_args": ""}),
    "arguments that are no object": (json.dumps({"name": "n", "task_kwargs": [1], **CODE}), {"task.task_kwargs": ""}),
    "a delay of words": (json.dumps({"name": "n", "delay_seconds": "soon", **CODE}), {"task.delay_seconds": ""}),
    "a time of words": (json.dumps({"name": "n", "run_at": "tomorrow", **CODE}), {"task.run_at": ""}),
}


@pytest.mark.parametrize("path", ["/api/tasks", "/api/scheduled-tasks/"])
@pytest.mark.parametrize(("body", "wanted"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_task_is_refused(api: Api, path: str, body: str, wanted: dict[str, str]) -> None:
    status, failure = api.rest.failure("POST", path, body)
    assert status == 400
    assert_violations(failure, wanted)


@pytest.mark.parametrize("body", ["", "{", '"task"', "[]", '{"name": NaN}', '{"task_args": [NaN]}', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(api: Api, body: str | bytes) -> None:
    status, failure = api.rest.failure("POST", "/api/tasks", body)
    assert (status, failure.code, failure.reason) == (400, "INVALID_ARGUMENT", "INVALID_FIELDS")
    assert failure.violations


def test_a_scheduled_task_needs_its_cron_expression(api: Api) -> None:
    wanted = {"task.cron_expression": "is required"}
    assert_violations(api.rest.failure("POST", "/api/scheduled-tasks", {"name": "n", **CODE})[1], wanted)
    request = task_service_pb2.CreateScheduledTaskRequest(task=task_of({"name": "n", **CODE}))
    assert_violations(api.failure(api.tasks.CreateScheduledTask, request), wanted)


TASK_CALLS = [
    ("GetTask", "GET", "/api/tasks/{}"),
    ("StopTask", "POST", "/api/tasks/{}/stop"),
    ("DeleteTask", "DELETE", "/api/tasks/{}"),
    ("RunTask", "POST", "/api/tasks/{}/run"),
    ("WatchTasks", "GET", "/api/tasks/{}/watch"),
]


@pytest.mark.parametrize(("rpc", "method", "path"), TASK_CALLS)
def test_a_foreign_task_answers_as_an_unknown_one(
    bob: Api, client: TaskClient, theirs: Task, rpc: str, method: str, path: str
) -> None:
    for task_id in (UNKNOWN_ID, theirs.task_id, "no-id-at-all", "1' OR '1'='1"):
        request: Message = getattr(task_service_pb2, f"{rpc}Request")(task_id=task_id)
        status, over_rest = _failure_of(bob, method, path.format(task_id))
        assert status == 404
        for failure in (over_rest, bob.failure(getattr(bob.tasks, rpc), request)):
            assert (failure.code, failure.reason) == ("NOT_FOUND", "TASK_NOT_FOUND")
            assert failure.metadata == {"task_id": task_id}
    assert client.get(theirs.task_id).status == Task.SCHEDULED


EXECUTION_CALLS = [
    ("GetExecution", "id", "/api/v1/tasks/executions/{}"),
    ("GetExecutionByTaskId", "task_id", "/api/v1/tasks/executions/by-task-id/{}"),
    ("GetExecutionStatus", "task_id", "/api/v1/tasks/executions/status/?task_id={}"),
    ("TailExecutionLogs", "id", "/api/v1/tasks/executions/{}/logs"),
]


@pytest.mark.parametrize(("rpc", "field", "path"), EXECUTION_CALLS)
def test_a_foreign_execution_answers_as_an_unknown_one(bob: Api, theirs: Task, rpc: str, field: str, path: str) -> None:
    for execution_id in (UNKNOWN_ID, theirs.last_execution.id, "no-id-at-all"):
        request: Message = getattr(execution_service_pb2, f"{rpc}Request")(**{field: execution_id})
        status, over_rest = _failure_of(bob, "GET", path.format(execution_id))
        assert status == 404
        for failure in (over_rest, bob.failure(getattr(bob.executions, rpc), request)):
            assert (failure.code, failure.reason) == ("NOT_FOUND", "EXECUTION_NOT_FOUND")
            assert failure.metadata == {field: execution_id}


def _failure_of(api: Api, method: str, path: str) -> tuple[int, Failure]:
    """The failure of a path, also of a stream, whose error is a line."""
    response = api.rest.send(method, path)
    body = response.json()
    if set(body) == {"error"}:
        body = body["error"]
    return response.status_code, rest_failure(json.dumps(body))


def test_a_bad_page_token_is_refused(api: Api, bob: Api) -> None:
    token = api.rest.get("/api/v1/tasks/executions?page_size=1")["next_page_token"]
    assert token
    good = execution_service_pb2.ListExecutionsRequest(page_size=1, page_token=token)
    api.call(api.executions.ListExecutions, good)
    # Of no one, of another filter, of another caller.
    for caller, query in (
        (api, {"page_token": "nonsense"}),
        (api, {"page_token": ("A" if token[0] != "A" else "B") + token[1:]}),
        (api, {"page_token": token, "module": "other"}),
        (bob, {"page_token": token}),
    ):
        request = execution_service_pb2.ListExecutionsRequest(page_size=1, **query)
        status, over_rest = caller.rest.failure("GET", "/api/v1/tasks/executions", params={"page_size": 1} | query)
        assert status == 400
        for failure in (over_rest, caller.failure(caller.executions.ListExecutions, request)):
            assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


def test_bad_list_fields_are_refused_together(api: Api) -> None:
    wanted = {"page_size": "negative", "task_type": "must be one of"}
    assert_violations(api.rest.failure("GET", "/api/tasks?page_size=-1&task_type=x")[1], wanted)
    request = task_service_pb2.ListTasksRequest(page_size=-1, task_type="x")
    assert_violations(api.failure(api.tasks.ListTasks, request), wanted)
    for make, kind in (
        (api.tasks.ListTasks, task_service_pb2.ListTasksRequest),
        (api.tasks.GetTaskStats, task_service_pb2.GetTaskStatsRequest),
        (api.tasks.StopTasks, task_service_pb2.StopTasksRequest),
    ):
        assert_violations(api.failure(make, kind(filter="colour = red")), {"filter": "'colour' is no field"})
    wanted = {"page_size": "negative", "start_date": "2026-01-31", "end_date": "2026-01-31"}
    wanted |= {"order_by": "no field to order by", "filter": "at character 1: 'colour'", "time_zone": "Mars"}
    query: dict[str, Any] = {"page_size": -1, "start_date": "yesterday", "end_date": "2026-13-01"}
    query |= {"order_by": "colour", "filter": "colour = red", "time_zone": "Mars"}
    assert_violations(api.rest.failure("GET", "/api/v1/tasks/executions/", params=query)[1], wanted)
    listing = execution_service_pb2.ListExecutionsRequest(**query)
    assert_violations(api.failure(api.executions.ListExecutions, listing), wanted)
    assert api.rest.failure("GET", "/api/v1/tasks/executions?status=DONE")[0] == 400


def test_a_bad_watch_is_refused(api: Api) -> None:
    for query, reason in (
        ({"watch_token": "nonsense"}, "INVALID_WATCH_TOKEN"),
        ({"until_terminal": True}, "INVALID_FIELDS"),
    ):
        request = task_service_pb2.WatchTasksRequest(**query)
        path = "/api/tasks/watch?" + "&".join(f"{name}={str(value).lower()}" for name, value in query.items())
        status, over_rest = _failure_of(api, "GET", path)
        assert status == 400
        for failure in (over_rest, api.failure(api.tasks.WatchTasks, request)):
            assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", reason)


@pytest.mark.parametrize("token", ["", "nonsense", "tsk_" + "x" * 43])
def test_a_call_without_a_valid_token_is_refused(stack: Stack, token: str) -> None:
    nobody = stack.api(token)
    response = nobody.rest.send("POST", "/api/tasks", {"name": "n", **CODE})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"]
    status, over_rest = nobody.rest.failure("GET", "/api/tasks")
    assert status == 401
    create = task_service_pb2.CreateTaskRequest(task=task_of({"name": "n", **CODE}))
    for failure in (over_rest, nobody.failure(nobody.tasks.CreateTask, create)):
        assert (failure.code, failure.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    # What is not there is not told to strangers either.
    assert nobody.rest.failure("GET", f"/api/tasks/{UNKNOWN_ID}")[0] == 401


def test_paths_and_methods_that_are_none(api: Api) -> None:
    status, failure = api.rest.failure("GET", "/api/nothing/here")
    assert (status, failure.code) == (404, "NOT_FOUND")
    response = api.rest.send("PUT", "/api/tasks", {})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
