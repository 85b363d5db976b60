"""What an answer must be like: judged in real children, and the rules of comparing by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.retry import DEFAULT_REASONS, NEVER_RETRIED
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.answer import Answer
from task_server.executors.assertions import broken_assertion


def header(name: str, **condition: Any) -> ResponseAssertion:
    return assertion(Subject.HEADER, condition, name=name)


def body(**condition: Any) -> ResponseAssertion:
    return assertion(Subject.BODY, condition)


def within(*keys: str | int, **condition: Any) -> ResponseAssertion:
    path = "$" + "".join(f"[{key!r}]" for key in keys)
    return assertion(Subject.JSON, condition, name=path, keys=keys)


def assertion(subject: Subject, condition: dict[str, Any], **fields: Any) -> ResponseAssertion:
    ((name, value),) = condition.items()
    return ResponseAssertion(subject=subject, condition=Condition(name), value=value, **fields)


def said(
    answer_body: str | bytes, *assertions: ResponseAssertion, truncated: bool = False, **headers: str
) -> str | None:
    data = answer_body.encode() if isinstance(answer_body, str) else answer_body
    answer = Answer(200, "OK", {name.replace("_", "-"): value for name, value in headers.items()}, data, truncated)
    return broken_assertion(assertions, answer)


ORDER = '{"status": "done", "items": [{"id": 1, "a key": null}, {"id": 2.50}], "total": 9007199254740993, "paid": true}'


@pytest.mark.parametrize(
    "holds",
    [
        header("x-own", equals="one, two"),
        header("X-OWN", contains=", tw"),
        header("X-Own", matches="^one.*two$"),
        header("X-Own", exists=True),
        header("X-None", exists=False),
        body(contains='"done"'),
        body(matches=r"(?i)STATUS.{3}.DONE"),
        body(equals=ORDER),
        body(exists=True),
        within(equals=json.loads(ORDER)),
        within("status", equals="done"),
        within("items", 0, "id", equals=1.0),
        within("items", -1, "id", equals=2.5),
        within("items", -1, equals={"id": 2.5}),
        within("items", 0, "a key", equals=None),
        within("items", 0, "a key", exists=True),
        within("items", 0, equals={"a key": None, "id": 1}),
        within("items", 2, exists=False),
        within("items", -3, exists=False),
        within("items", "0", exists=False),
        within("status", 0, exists=False),
        within("status", "x", exists=False),
        within("none", "x", 0, exists=False),
        within("paid", equals=True),
        within("paid", matches="^true$"),
        within("total", matches="^9007199254740993$"),
        within("items", contains='{"id":1,'),
    ],
)
def test_what_holds(holds: ResponseAssertion) -> None:
    assert said(ORDER, holds, X_Own="one, two") is None


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (header("X-Own", equals="one"), 'the header X-Own should be "one"; it is "one, two"'),
        (header("X-Own", contains="TW"), 'the header X-Own should contain "TW"; it is "one, two"'),
        (header("X-Own", exists=False), 'the header X-Own should not be there; it is "one, two"'),
        (header("X-None", exists=True), "the header X-None should be there"),
        (header("X-None", equals=""), 'the header X-None should be ""; there is none'),
        (header("X-None", matches=".*"), 'the header X-None should match ".*"; there is none'),
        (body(contains="failed"), 'the body should contain "failed"; it is '),
        (within("status", equals="failed"), """$['status'] should be "failed"; it is "done\""""),
        (within("paid", equals=1), "$['paid'] should be 1; it is true"),
        (within("items", 0, "id", equals=True), "should be true; it is 1"),
        (within("items", 0, "a key", equals=False), "should be false; it is null"),
        (within("items", 0, equals={"id": 1}), "it is {"),
        (within("items", equals=[]), "should be []"),
        (within("items", 0, "a key", exists=False), "should not be there; it is null"),
        (within("none", equals=None), "$['none'] should be null; there is none"),
        (within("none", exists=True), "$['none'] should be there"),
        (within("total", equals=9007199254740992), "should be 9007199254740992; it is 9007199254740993"),
    ],
)
def test_what_does_not_hold_says_what_was_seen(broken: ResponseAssertion, words: str) -> None:
    error = said(ORDER, header("X-Own", exists=True), broken, X_Own="one, two")
    assert (error or "").startswith("response_assertions[1]: ")
    assert words in (error or "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\xfd", "it is no text"),
        (b"", "it is no JSON"),
        (b"<html>", "it is no JSON"),
        (b'{"a": NaN}', "it is no JSON"),
        (b'{"a": 1', "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b"1" * 5_000, "it is no JSON"),
    ],
)
@pytest.mark.parametrize("condition", [{"exists": False}, {"exists": True}, {"equals": None}, {"matches": ""}])
def test_what_is_no_json_satisfies_nothing(data: bytes, words: str, condition: dict[str, Any]) -> None:
    assert words in (said(data, within("a", **condition)) or "")


def test_a_body_that_was_cut_is_looked_at_as_far_as_it_is_kept() -> None:
    assert said("[1, 2, 3]", body(contains="1, 2"), truncated=True) is None
    assert "only its first 9 bytes are kept" in (said("[1, 2, 3]", within(0, exists=False), truncated=True) or "")


def test_an_empty_body_is_none() -> None:
    assert said("", body(exists=False), body(equals=""), body(matches="^$")) is None
    assert said("", body(exists=True)) == "response_assertions[0]: the body should be there"


def test_what_is_shown_is_short_and_on_one_line() -> None:
    error = said(json.dumps({"a": "\ud800\u2028\x9b" + "x" * 10_000}), within("a", equals="y" * 9_000)) or ""
    assert len(error) < 600
    assert error.isprintable()
    error.encode()


def test_the_first_that_does_not_hold_is_told() -> None:
    assert (said("a", body(contains="a"), body(contains="b"), body(contains="c")) or "").startswith(
        "response_assertions[1]"
    )


def test_an_answer_as_it_should_be_is_a_success(call: Any) -> None:
    holds = (
        header("content-type", contains="json"),
        within("method", equals="GET"),
        within("headers", "X-Attempt", equals="1"),
        body(matches='"path": "/echo"'),
    )
    outcome = call("/echo", response_assertions=holds)
    assert outcome.status is ExecutionStatus.SUCCESS, outcome.error


def test_another_answer_is_a_failure_that_keeps_it(call: Any) -> None:
    outcome = call("/echo", response_assertions=(within("method", equals="POST"),))
    assert (outcome.status, outcome.failure_reason) == (ExecutionStatus.FAILURE, FailureReason.ASSERTION_FAILED)
    assert outcome.error == """response_assertions[0]: $['method'] should be "POST"; it is "GET\""""
    assert json.loads(outcome.result_json)["status"] == 200
    assert outcome.http_status == 200


def test_the_status_comes_first(call: Any) -> None:
    broken = (body(contains="nothing"),)
    assert call("/status/500", response_assertions=broken).failure_reason is FailureReason.UNEXPECTED_STATUS
    outcome = call("/status/500", response_assertions=broken, expected_status=(500,))
    assert outcome.failure_reason is FailureReason.ASSERTION_FAILED


def test_an_answer_that_asks_to_wait_is_waited_for(call: Any) -> None:
    outcome = call("/unavailable/7", expected_status=(503,), response_assertions=(body(contains="done"),))
    assert (outcome.failure_reason, outcome.retry_after) == (FailureReason.ASSERTION_FAILED, 7.0)


def test_a_pattern_that_takes_for_ever_ends_with_the_timeout(call: Any) -> None:
    outcome = call("/bytes/5000", timeout=1.0, response_assertions=(body(matches="(x|xx)+y"),))
    assert outcome.failure_reason is FailureReason.TIMEOUT
    # On a busy machine it gets little of its second.
    assert outcome.usage.cpu_seconds > 0.05


def test_a_broken_assertion_may_go_better_the_next_time() -> None:
    assert FailureReason.ASSERTION_FAILED in DEFAULT_REASONS
    assert FailureReason.ASSERTION_FAILED not in NEVER_RETRIED


def test_a_header_with_credentials_is_judged_and_not_shown() -> None:
    assert said("", header("Set-Cookie", contains="session="), Set_Cookie="session=1") is None
    problem = said("", header("Set-Cookie", equals="x"), Set_Cookie="session=1")
    assert problem == 'response_assertions[0]: the header Set-Cookie should be "x"; it is [redacted]'
    problem = said("", header("Set-Cookie", exists=False), Set_Cookie="session=1")
    assert problem is not None
    assert "session" not in problem
