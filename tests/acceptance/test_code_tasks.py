"""Code tasks through the real ports: what they are given, what they give back, and how those that misbehave end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from acceptance_api import Api, Rest

from task_manager import TaskClient, to_python
from task_manager.v1 import execution_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

REASON = TaskExecution.FailureReason


def run(client: TaskClient, code: str, **fields: Any) -> TaskExecution:
    task = client.create_task("code", function_code=code, function_name="main", **fields)
    return client.wait(task.task_id, timeout=40)


def reason(execution: TaskExecution) -> str:
    assert execution.status == TaskExecution.FAILURE, execution
    return REASON.Name(execution.failure_reason)


def assert_lives_on(client: TaskClient) -> None:
    """The same worker runs the next task."""
    assert run(client, "def main():\n    return 'alive'").status == TaskExecution.SUCCESS


def test_arguments_come_as_they_were_given(client: TaskClient) -> None:
    code = "def main(a, b, *rest, key, **more):\n    return {'got': [a, b, list(rest), key, more], 'kind': str(a + 1)}"
    execution = run(client, code, task_args=[1, "二", [True, None]], task_kwargs={"key": {"x": 1.5}, "other": "o"})
    assert to_python(execution.result) == {"got": [1, "二", [[True, None]], {"x": 1.5}, {"other": "o"}], "kind": "2"}
    assert to_python(execution.task_args) == [1, "二", [True, None]]
    assert to_python(execution.task_kwargs) == {"key": {"x": 1.5}, "other": "o"}


@pytest.mark.parametrize("value", [None, True, 0, -2.5, "", "日本", [], {}, {"a": [1, {"b": None}]}])
def test_any_json_is_a_result(client: TaskClient, rest: Rest, value: object) -> None:
    execution = run(client, f"def main():\n    return {value!r}")
    assert execution.status == TaskExecution.SUCCESS, execution
    assert to_python(execution.result) == value
    assert rest.get(f"/api/v1/tasks/executions/{execution.id}")["result"] == value


def test_what_ran_is_told_in_full(client: TaskClient) -> None:
    execution = run(client, "def main():\n    return sum(range(100000))")
    assert execution.isolation.level.startswith("strict")
    assert execution.isolation.limits.wall_seconds > 0
    assert "rlimits" in execution.isolation.layers
    assert execution.usage.cpu_seconds > 0
    assert execution.usage.peak_memory_bytes > 1_000_000
    assert execution.source == TaskExecution.WORKER
    assert execution.duration > 0
    (attempt,) = execution.attempts
    assert (attempt.number, attempt.outcome) == (1, TaskExecution.Attempt.SUCCEEDED)
    assert attempt.worker == execution.worker
    assert attempt.worker.startswith("worker@")


def test_an_exception_comes_with_the_users_own_lines(client: TaskClient) -> None:
    code = (
        "def divide(a, b):\n"
        "    return a / b\n"
        "\n"
        "def main():\n"
        "    try:\n"
        "        return divide(1, 0)\n"
        "    except ZeroDivisionError as error:\n"
        "        raise ValueError('坏了') from error\n"
    )
    execution = run(client, code)
    assert reason(execution) == "EXCEPTION"
    assert execution.error == "ValueError: 坏了"
    text = execution.traceback
    assert "line 2, in divide\n    return a / b" in text
    assert "line 6, in main\n    return divide(1, 0)" in text
    assert "line 8, in main\n    raise ValueError('坏了') from error\nValueError: 坏了\n" in text
    assert "task_server" not in text
    assert "/" not in text.replace("a / b", "")


def test_what_is_printed_becomes_the_log(client: TaskClient, api: Api) -> None:
    execution = run(client, "def main():\n    for i in range(3):\n        print('行', i)\n    print('end', end='')")
    said = "行 0\n行 1\n行 2\nend"
    assert "".join(client.logs(execution.id)) == said
    assert execution.log_bytes == len(said.encode())
    with api.rest.lines(f"/api/v1/tasks/executions/{execution.id}/logs/") as lines:
        chunks = [line["result"] for line in lines]
    assert "".join(chunk["text"] for chunk in chunks) == said
    assert (chunks[0]["offset"], chunks[0]["attempt"]) == ("0", 1)
    with api.rest.lines(f"/api/v1/tasks/executions/{execution.id}/logs?offset=6") as lines:
        assert "".join(line["result"]["text"] for line in lines) == said.encode()[6:].decode()


def test_a_log_is_followed_while_it_is_printed(client: TaskClient, api: Api) -> None:
    code = "import time\ndef main():\n    print('first')\n    time.sleep(2)\n    print('last')"
    task = client.create_task("prints", function_code=code, function_name="main")
    execution_id = task.last_execution.id
    request = execution_service_pb2.TailExecutionLogsRequest(id=execution_id, follow=True)
    over_grpc = api.call(api.executions.TailExecutionLogs, request)
    with api.rest.lines(f"/api/v1/tasks/executions/{execution_id}/logs?follow=true") as over_rest:
        assert next(over_grpc).text == "first\n"
        assert next(over_rest)["result"]["text"] == "first\n"
        # Both pieces came while it ran.
        assert client.execution_status(execution_id).status == TaskExecution.STARTED
        assert [chunk.text for chunk in over_grpc] == ["last\n"]
        assert [line["result"]["text"] for line in over_rest] == ["last\n"]
    assert client.execution_status(execution_id).terminal


@pytest.mark.parametrize(
    "body", ["while True:\n        pass", "import time\n    time.sleep(60)"], ids=["busy", "sleep"]
)
def test_a_run_ends_at_its_timeout(client: TaskClient, body: str) -> None:
    execution = run(client, f"def main():\n    {body}", timeout=0.5)
    assert reason(execution) == "TIMEOUT"
    assert "0.5 s" in execution.error
    assert 0.5 <= execution.duration < 5
    assert_lives_on(client)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("def main():\n    kept = []\n    while True:\n        kept.append('x' * 1000000)", "MEMORY_LIMIT"),
        ("def main():\n    while True:\n        print('x' * 10000)", "OUTPUT_LIMIT"),
        ("def main():\n    return 'x' * 1100000", "RESULT_TOO_LARGE"),
        ("def main():\n    return {1, 2}", "RESULT_NOT_JSON"),
        ("def main():\n    return float('nan')", "RESULT_NOT_JSON"),
        ("def main():\n    return main", "RESULT_NOT_JSON"),
        ("def main():\n    return main()", "EXCEPTION"),
    ],
    ids=[
        "memory",
        "endless output",
        "result too large",
        "result a set",
        "result NaN",
        "result a function",
        "recursion",
    ],
)
def test_a_run_that_asks_too_much_fails_and_the_worker_lives_on(client: TaskClient, code: str, wanted: str) -> None:
    execution = run(client, code)
    assert reason(execution) == wanted
    assert execution.error
    assert_lives_on(client)


def test_a_result_of_just_under_a_megabyte_is_kept(client: TaskClient, rest: Rest) -> None:
    length = 1024 * 1024 - len(json.dumps(""))
    execution = run(client, f"def main():\n    return 'x' * {length}")
    assert execution.status == TaskExecution.SUCCESS, execution.error
    assert len(rest.get(f"/api/v1/tasks/executions/{execution.id}")["result"]) == length


def test_wrong_arguments_are_the_callers_exception(client: TaskClient) -> None:
    execution = run(client, "def main(a):\n    return a", task_args=[1, 2])
    assert reason(execution) == "EXCEPTION"
    assert "positional argument" in execution.error
