"""What the answer to an API task must be like: the `response_assertions` of a Task."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from task_manager.v1 import task_pb2
from task_server.api.validation.json_path import BadPath, read_json_path
from task_server.api.validation.violations import Violations
from task_server.api.values import from_value
from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.executors.request_rules import is_header_name

_MAX_ASSERTIONS = 20
_MAX_NAME = 200
_MAX_TEXT = 1_000
_MAX_VALUE_BYTES = 16 * 1024

#: Regular expressions to what is wrong with each, None for nothing. May take as long as a child process needs.
CheckPatterns = Callable[[Sequence[str]], Sequence[str | None]]


def validate_assertions(task: task_pb2.Task, path: str, violations: Violations) -> tuple[ResponseAssertion, ...]:
    """The assertions of a task, as far as nothing is wrong with them. Their patterns are checked elsewhere."""
    field = f"{path}.response_assertions"
    if len(task.response_assertions) > _MAX_ASSERTIONS:
        violations.add(field, f"must have at most {_MAX_ASSERTIONS}, not {len(task.response_assertions):,}")
    read = [
        _assertion(each, f"{field}[{index}]", violations)
        for index, each in enumerate(task.response_assertions[:_MAX_ASSERTIONS])
    ]
    return tuple(each for each in read if each is not None)


def check_patterns(task: task_pb2.Task, path: str, check: CheckPatterns, violations: Violations) -> None:
    """Note the patterns that are none. Blocks while a child process compiles them: that can take any time."""
    patterns = {
        index: each.matches
        for index, each in enumerate(task.response_assertions[:_MAX_ASSERTIONS])
        if 0 < len(each.matches) <= _MAX_TEXT
    }
    if not patterns:
        return
    for index, wrong in zip(patterns, check(list(patterns.values())), strict=True):
        if wrong:
            violations.add(f"{path}.response_assertions[{index}].matches", wrong)


def _assertion(given: task_pb2.ResponseAssertion, field: str, violations: Violations) -> ResponseAssertion | None:
    wrong: list[tuple[str, str]] = []
    subject, name, keys = _subject(given, field, wrong)
    condition = given.WhichOneof("condition")
    value = _value(given, subject, field, wrong)
    for where, description in wrong:
        violations.add(where, description)
    if wrong or condition is None:
        return None
    return ResponseAssertion(subject=subject, name=name, keys=keys, condition=Condition(condition), value=value)


def _subject(
    given: task_pb2.ResponseAssertion, field: str, wrong: list[tuple[str, str]]
) -> tuple[Subject, str, tuple[str | int, ...]]:
    match given.WhichOneof("subject"):
        case "header":
            if len(given.header) > _MAX_NAME or not is_header_name(given.header):
                wrong.append((f"{field}.header", f"must be the name of a header, not {given.header[:50]!r}"))
            return Subject.HEADER, given.header, ()
        case "json_path":
            try:
                return Subject.JSON, given.json_path, read_json_path(given.json_path)
            except BadPath as error:
                wrong.append((f"{field}.json_path", str(error)))
                return Subject.JSON, "", ()
        case _:
            return Subject.BODY, "", ()


def _value(given: task_pb2.ResponseAssertion, subject: Subject, field: str, wrong: list[tuple[str, str]]) -> Any:
    condition = given.WhichOneof("condition")
    match condition:
        case "equals":
            return _expected(given, subject, f"{field}.equals", wrong)
        case "contains" | "matches":
            text: str = getattr(given, condition)
            if not 0 < len(text) <= _MAX_TEXT:
                wrong.append((f"{field}.{condition}", f"must have 1 to {_MAX_TEXT:,} characters, not {len(text):,}"))
            return text
        case "exists":
            return given.exists
        case _:
            wrong.append((field, "give what must hold: equals, contains, matches or exists"))
            return None


def _expected(given: task_pb2.ResponseAssertion, subject: Subject, field: str, wrong: list[tuple[str, str]]) -> Any:
    try:
        value = from_value(given.equals)
    except ValueError as error:
        wrong.append((field, str(error)))
        return None
    if subject is not Subject.JSON and not isinstance(value, str):
        wrong.append((field, "must be a text; only what json_path leads to can be another value"))
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > _MAX_VALUE_BYTES:
        wrong.append((field, f"must be at most {_MAX_VALUE_BYTES:,} bytes as JSON, not {size:,}"))
    return value
