"""API tasks through the real ports, against a real HTTP server on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from acceptance_target import Target
from google.protobuf.struct_pb2 import Value

from task_manager import TaskClient, to_python
from task_manager.errors import InvalidFields
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import ResponseAssertion, RetryPolicy

REASON = TaskExecution.FailureReason


def call(client: TaskClient, url: str, **fields: Any) -> TaskExecution:
    task = client.create_task("api", api_url=url, **fields)
    return client.wait(task.task_id, timeout=30)


def reason(execution: TaskExecution) -> str:
    assert execution.status == TaskExecution.FAILURE, execution
    return REASON.Name(execution.failure_reason)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_sent(client: TaskClient, target: Target, method: str) -> None:
    execution = call(client, f"{target.url}/method", method=method)
    assert execution.status == TaskExecution.SUCCESS, execution
    assert target.next_request().method == method
    result = to_python(execution.result)
    assert (result["status"], result["reason"], result["url"]) == (200, "OK", f"{target.url}/method")
    assert result["headers"]["Content-Type"] == "application/json"
    assert 0 < result["elapsed_seconds"] <= execution.duration
    if method == "HEAD":
        assert result["body"] == ""
    else:
        assert json.loads(result["body"]) == {"method": method, "body": ""}
    assert (result["body_encoding"], result["body_truncated"]) == ("text", False)


def test_headers_and_parameters_are_sent(client: TaskClient, target: Target) -> None:
    params = {"q": "搜 索&=", "n": 7, "flag": True, "list": ["a", 1]}
    headers = {"X-Own": "值 1", "Authorization": "Bearer theirs"}
    execution = call(client, f"{target.url}/query?kept=1", params=params, headers=headers)
    assert execution.status == TaskExecution.SUCCESS, execution
    request = target.next_request()
    assert request.query == {"kept": ["1"], "q": ["搜 索&="], "n": ["7"], "flag": ["true"], "list": ["a", "1"]}
    assert request.headers["x-own"].encode("latin-1").decode() == "值 1"
    assert request.headers["authorization"] == "Bearer theirs"
    assert request.headers["user-agent"] == "task-manager"


@pytest.mark.parametrize("data", [{"a": [1, None, "二"]}, [], "text", 0, False, None])
def test_any_json_is_sent_as_data(client: TaskClient, target: Target, data: Any) -> None:
    call(client, f"{target.url}/data", method="POST", data=data)
    request = target.next_request()
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == data


def test_a_raw_body_is_sent_as_it_is(client: TaskClient, target: Target) -> None:
    body = bytes(range(256))
    call(client, f"{target.url}/raw", method="PUT", raw_body=body, headers={"Content-Type": "application/x-own"})
    request = target.next_request()
    assert (request.body, request.headers["content-type"]) == (body, "application/x-own")


@pytest.mark.parametrize(
    ("status", "expected", "fine"),
    [
        (204, [], True),
        (299, [], True),
        (404, [], False),
        (500, [], False),
        (404, [404, 410], True),
        (200, [201], False),
    ],
)
def test_the_expected_status_decides(
    client: TaskClient, target: Target, status: int, expected: list[int], fine: bool
) -> None:
    execution = call(client, f"{target.url}/status/{status}", expected_status=expected)
    assert to_python(execution.result)["status"] == status
    if fine:
        assert execution.status == TaskExecution.SUCCESS, execution
    else:
        assert reason(execution) == "UNEXPECTED_STATUS"
        wanted = " or ".join(map(str, expected)) or "2xx"
        assert execution.error.startswith(f"expected status {wanted}, got {status}")
        assert to_python(execution.result)["body"] == "status as asked"


def test_an_answer_is_what_the_task_says_it_must_be(client: TaskClient, target: Target) -> None:
    holds = [
        ResponseAssertion(header="content-type", contains="json"),
        ResponseAssertion(json_path="$.method", equals=Value(string_value="POST")),
        ResponseAssertion(matches='^.*"body": "x"'),
        ResponseAssertion(header="x-none", exists=False),
    ]
    fine = call(client, f"{target.url}/echo", method="POST", raw_body=b"x", response_assertions=holds)
    assert fine.status == TaskExecution.SUCCESS, fine

    broken = call(client, f"{target.url}/echo", method="POST", raw_body=b"y", response_assertions=holds)
    assert reason(broken) == "ASSERTION_FAILED"
    assert broken.error.startswith("response_assertions[2]: the body should match ")
    assert to_python(broken.result)["status"] == 200

    task = client.get(broken.parent_task)
    assert list(task.response_assertions) == holds
    updated = client.update_task(task.task_id, response_assertions=holds[:1])
    assert list(updated.response_assertions) == holds[:1]
    listed = next(each for each in client.list(name="api") if each.task_id == task.task_id)
    assert (len(listed.response_assertions), listed.api_url) == (0, task.api_url)


def test_a_pattern_that_is_none_is_refused_with_all_else_that_is_wrong(client: TaskClient, target: Target) -> None:
    with pytest.raises(InvalidFields) as caught:
        client.create_task(
            "api",
            api_url=target.url,
            method="TRACE",
            response_assertions=[ResponseAssertion(matches="("), ResponseAssertion(json_path="$..a", exists=True)],
        )
    assert {violation.field for violation in caught.value.violations} == {
        "task.method",
        "task.response_assertions[0].matches",
        "task.response_assertions[1].json_path",
    }


def test_what_is_not_done_yet_is_asked_again_until_it_is(client: TaskClient, target: Target) -> None:
    execution = call(
        client,
        f"{target.url}/busy/job?times=2&retry_after=0",
        expected_status=[200, 503],
        response_assertions=[ResponseAssertion(equals=Value(string_value="done"))],
        retry_policy=RetryPolicy(max_retries=3, initial_backoff=0.05),
    )
    assert execution.status == TaskExecution.SUCCESS, execution
    assert [attempt.failure_reason for attempt in execution.attempts] == [REASON.ASSERTION_FAILED] * 2 + [0]
    requests = [target.next_request() for _ in range(3)]
    assert [request.headers["x-attempt"] for request in requests] == ["1", "2", "3"]
    assert {request.headers["idempotency-key"] for request in requests} == {execution.id}


def test_a_long_body_is_cut_and_says_so(client: TaskClient, target: Target) -> None:
    result = to_python(call(client, f"{target.url}/size/{1024 * 1024}").result)
    assert (result["status"], result["body_truncated"]) == (200, True)
    assert result["body"] == "x" * (256 * 1024)


def test_a_server_that_never_ends_its_answer_meets_the_timeout(client: TaskClient, target: Target) -> None:
    execution = call(client, f"{target.url}/drip", timeout=0.7)
    assert reason(execution) == "TIMEOUT"
    assert "0.7 s" in execution.error
    assert 0.7 <= execution.duration < 5


def test_a_redirect_is_followed(client: TaskClient, target: Target) -> None:
    execution = call(client, f"{target.url}/redirect", params={"to": "/landed"})
    assert [target.next_request().path for _ in range(2)] == ["/redirect", "/landed"]
    assert to_python(execution.result)["url"] == f"{target.url}/landed"


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_nothing_is_sent_to_an_address_that_is_not_allowed(client: TaskClient, target: Target, host: str) -> None:
    port = target.url.rpartition(":")[2]
    execution = call(client, f"http://{host}:{port}/secret")
    assert reason(execution) == "EGRESS_DENIED"
    assert "not public" in execution.error
    assert not execution.HasField("result")
    assert target.has_no_request()


def test_a_redirect_to_an_address_that_is_not_allowed_is_not_followed(client: TaskClient, target: Target) -> None:
    to = target.url.replace("127.0.0.1", "127.0.0.2") + "/secret"
    execution = call(client, f"{target.url}/redirect", params={"to": to})
    assert reason(execution) == "EGRESS_DENIED"
    assert target.next_request().path == "/redirect"
    assert target.has_no_request()


def test_a_port_where_nobody_listens_is_a_failed_request(client: TaskClient) -> None:
    execution = call(client, "http://127.0.0.1:1/")
    assert reason(execution) == "REQUEST_FAILED"
    assert execution.error == "Could not connect to 127.0.0.1 port 1: Connection refused."
