"""Whether an answer is what its task says it must be.

Regular expressions are the owner's and may take for ever: this runs in the child, under its limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn

from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.secret import REDACTED, is_sensitive_header
from task_server.executors.answer import Answer
from task_server.executors.foreign_text import fit_to_show

_ABSENT = object()


class _Unreadable(Exception):
    """What is looked at can not be looked at; the message says why."""


def broken_assertion(assertions: Sequence[ResponseAssertion], answer: Answer) -> str | None:
    """The first assertion that does not hold, and what was seen instead, in one sentence; None where all hold."""
    seen = _Seen(answer)
    for index, assertion in enumerate(assertions):
        problem = _problem(assertion, seen)
        if problem:
            return f"response_assertions[{index}]: {problem}"
    return None


class _Seen:
    """The parts of an answer, read once."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def value(self, assertion: ResponseAssertion) -> Any:
        """What an assertion is about, `_ABSENT` where the answer has none. Raises _Unreadable."""
        match assertion.subject:
            case Subject.HEADER:
                return self._headers.get(assertion.name.lower(), _ABSENT)
            case Subject.BODY:
                return self._text
            case Subject.JSON:
                return _within(self._json, assertion.keys)

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self._answer.headers.items()}

    @cached_property
    def _text(self) -> str:
        text = self._answer.text()
        if text is None:
            message = "it is no text"
            raise _Unreadable(message)
        return text

    @cached_property
    def _json(self) -> Any:
        if self._answer.truncated:
            message = f"only its first {len(self._answer.body)} bytes are kept"
            raise _Unreadable(message)
        try:
            return json.loads(self._text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            message = "it is no JSON"
            raise _Unreadable(message) from None


def _problem(assertion: ResponseAssertion, seen: _Seen) -> str | None:
    expected, what = assertion.value, _named(assertion)
    try:
        value = seen.value(assertion)
    except _Unreadable as error:
        return f"the body can not be looked at: {error}"
    if assertion.condition is Condition.EXISTS:
        # A body is always there; an empty one counts as none.
        exists = value is not _ABSENT and not (assertion.subject is Subject.BODY and value == "")
        if exists == expected:
            return None
        return f"{what} should be there" if expected else f"{what} should not be there; it is {_said(assertion, value)}"
    wanted = {Condition.EQUALS: "be", Condition.CONTAINS: "contain", Condition.MATCHES: "match"}[assertion.condition]
    if value is _ABSENT:
        return f"{what} should {wanted} {_shown(expected)}; there is none"
    if _holds(assertion.condition, value, expected):
        return None
    return f"{what} should {wanted} {_shown(expected)}; it is {_said(assertion, value)}"


def _said(assertion: ResponseAssertion, value: Any) -> str:
    """What was found, unless it is a header that results do not show either."""
    hidden = assertion.subject is Subject.HEADER and is_sensitive_header(assertion.name)
    return REDACTED if hidden else _shown(value)


def _holds(condition: Condition, value: Any, expected: Any) -> bool:
    match condition:
        case Condition.EQUALS:
            return _is_same(value, expected)
        case Condition.CONTAINS:
            return expected in _text_of(value)
        case _:
            return re.search(expected, _text_of(value)) is not None


def _named(assertion: ResponseAssertion) -> str:
    match assertion.subject:
        case Subject.HEADER:
            return f"the header {fit_to_show(assertion.name)}"
        case Subject.BODY:
            return "the body"
        case Subject.JSON:
            return fit_to_show(assertion.name)


def _within(value: Any, keys: Sequence[str | int]) -> Any:
    for key in keys:
        if isinstance(key, str) and isinstance(value, dict):
            value = value.get(key, _ABSENT)
        elif isinstance(key, int) and isinstance(value, list) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return _ABSENT
    return value


def _is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same. To Python true is 1 as well."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shown(value: Any) -> str:
    return fit_to_show(json.dumps(value, ensure_ascii=False))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
