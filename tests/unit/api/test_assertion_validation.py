"""The `response_assertions` of a task: everything that is wrong is said, with its field, and no pattern is compiled here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from task_manager.v1 import task_pb2
from task_server.api.validation.json_path import BadPath, read_json_path
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.actions import HttpAction
from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.clock import SECOND
from task_server.domain.errors import InvalidFields

NOW = 1_767_225_600 * SECOND


def no_problems(patterns: Sequence[str]) -> list[str | None]:
    return [None] * len(patterns)


def validated(assertions: Any, check_patterns: Any = no_problems, **task: Any) -> tuple[ResponseAssertion, ...]:
    said = {"name": "t", "api_url": "https://example.com/", "response_assertions": assertions} | task
    message = json_format.ParseDict(said, task_pb2.Task())
    definition = TaskValidator(lambda *_code: (), check_patterns, 300.0, 3600.0).validate(message, NOW, Violations())
    assert isinstance(definition.action, HttpAction)
    return definition.action.response_assertions


def violations(assertions: Any, *arguments: Any, **task: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        validated(assertions, *arguments, **task)
    return {
        found.field.removeprefix("task.response_assertions"): found.description for found in caught.value.violations
    }


def test_every_kind_is_read() -> None:
    said = [
        {"header": "Content-Type", "contains": "json"},
        {"contains": "ok"},
        {"json_path": "$.items[-1]['a key']", "equals": {"n": [1, None]}},
        {"json_path": "$", "equals": None},
        {"matches": "^a+$"},
        {"header": "X-None", "exists": False},
    ]
    assert validated(said) == (
        ResponseAssertion(subject=Subject.HEADER, name="Content-Type", condition=Condition.CONTAINS, value="json"),
        ResponseAssertion(subject=Subject.BODY, condition=Condition.CONTAINS, value="ok"),
        ResponseAssertion(
            subject=Subject.JSON,
            name="$.items[-1]['a key']",
            keys=("items", -1, "a key"),
            condition=Condition.EQUALS,
            value={"n": [1, None]},
        ),
        ResponseAssertion(subject=Subject.JSON, name="$", keys=(), condition=Condition.EQUALS, value=None),
        ResponseAssertion(subject=Subject.BODY, condition=Condition.MATCHES, value="^a+$"),
        ResponseAssertion(subject=Subject.HEADER, name="X-None", condition=Condition.EXISTS, value=False),
    )


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({}, "", "give what must hold: equals, contains, matches or exists"),
        ({"header": "X"}, "", "give what must hold"),
        ({"header": "", "exists": True}, ".header", "the name of a header"),
        ({"header": "X Y", "exists": True}, ".header", "the name of a header, not 'X Y'"),
        ({"header": "X\r\n", "exists": True}, ".header", "the name of a header"),
        ({"header": "x" * 201, "exists": True}, ".header", "the name of a header"),
        ({"json_path": "", "exists": True}, ".json_path", "is no JSON path"),
        ({"json_path": "items", "exists": True}, ".json_path", "is no JSON path"),
        ({"json_path": "$..a", "exists": True}, ".json_path", "must lead to one value"),
        ({"json_path": "$.a[*]", "exists": True}, ".json_path", "must lead to one value"),
        ({"json_path": "$.a[0:2]", "exists": True}, ".json_path", "must lead to one value"),
        ({"json_path": "$['a','b']", "exists": True}, ".json_path", "must lead to one value"),
        ({"json_path": "$[?@.a]", "exists": True}, ".json_path", "must lead to one value"),
        ({"json_path": "$.a" + "[0]" * 200, "exists": True}, ".json_path", "at most 500 characters, not 603"),
        ({"equals": 1}, ".equals", "must be a text"),
        ({"header": "X", "equals": None}, ".equals", "must be a text"),
        ({"json_path": "$", "equals": "x" * 16_383}, ".equals", "at most 16,384 bytes as JSON, not 16,385"),
        ({"contains": ""}, ".contains", "must have 1 to 1,000 characters, not 0"),
        ({"contains": "x" * 1_001}, ".contains", "1 to 1,000 characters, not 1,001"),
        ({"matches": ""}, ".matches", "1 to 1,000 characters, not 0"),
        ({"matches": "x" * 1_001}, ".matches", "1 to 1,000 characters, not 1,001"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(given: dict[str, Any], field: str, words: str) -> None:
    ((found, description),) = violations([{"exists": True}, given]).items()
    assert found == f"[1]{field}"
    assert words in description


def test_a_value_that_no_answer_can_have_is_refused() -> None:
    task = task_pb2.Task(name="t", api_url="https://example.com/")
    task.response_assertions.add(json_path="$").equals.number_value = float("nan")
    with pytest.raises(InvalidFields, match="NaN"):
        TaskValidator(lambda *_code: (), no_problems, 300.0, 3600.0).validate(task, NOW, Violations())


def test_everything_is_said_at_once_and_each_pattern_by_its_own_place() -> None:
    def check(patterns: Sequence[str]) -> list[str | None]:
        assert patterns == ["a", "(", "b"]
        return [None, "is no regular expression: missing )", None]

    found = violations(
        [
            {"matches": "a"},
            {"header": " "},
            {"matches": "("},
            {"header": "?", "matches": "b"},
            {"matches": "x" * 2_000},
        ],
        check,
        method="TRACE",
    )
    assert list(found) == ["task.method", "[1].header", "[1]", "[3].header", "[4].matches", "[2].matches"]
    assert found["[2].matches"] == "is no regular expression: missing )"


def test_there_may_be_twenty() -> None:
    assert len(validated([{"exists": True}] * 20)) == 20
    assert violations([{"exists": True}] * 21) == {"": "must have at most 20, not 21"}


def test_no_pattern_is_compiled_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(re, "compile", never)
    assert validated([{"matches": "a{1000}"}])[0].value == "a{1000}"


def test_without_patterns_nobody_is_asked() -> None:
    def never(_patterns: Sequence[str]) -> list[str | None]:
        raise AssertionError

    assert len(validated([{"contains": "("}], never)) == 1


def test_they_belong_to_api_tasks() -> None:
    with pytest.raises(InvalidFields, match="belongs to api_url"):
        validated([{"exists": True}], api_url=None, function_code="def f(): pass", function_name="f")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("$", ()),
        ("$.a.b[0]['c']", ("a", "b", 0, "c")),
        ('$["x\'y"][-1]', ("x'y", -1)),
        ("$['\\u4efb\\n.']", ("任\n.",)),
        ("$.任务", ("任务",)),
        ("$['0'][0]", ("0", 0)),
    ],
)
def test_a_path_is_read_as_the_rfc_says(path: str, keys: tuple[str | int, ...]) -> None:
    assert read_json_path(path) == keys


@settings(database=None, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("$.@[]'\"*?:,-0123456789ab \\u\ud800\0\n()!=<>&|#~^任"), max_size=30).map(
        "$".__add__
    )
)
def test_whatever_is_no_path_is_said(text: str) -> None:
    try:
        keys = read_json_path(text)
    except BadPath as error:
        assert str(error).startswith(("is no JSON path", "must lead to one value"))
        return
    assert all(isinstance(key, str | int) for key in keys)
