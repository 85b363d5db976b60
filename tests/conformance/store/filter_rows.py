"""Executions to filter, filters over them, and which of them match: what both databases have to agree with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from tests.conformance.store.engine_values import definition

from task_server.domain.clock import NEVER
from task_server.domain.execution import Execution
from task_server.domain.filters.checking import Anything, Condition, Pattern, Requirement
from task_server.domain.filters.tree import And, Not, Operator, Or
from task_server.domain.ids import new_id
from task_server.domain.owner import Owner
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.store import executions
from task_server.usecases.tasks import Tasks

TEXTS = ["", "a", "ab", "a*b", "A", "é", "\U0001f600", "%_", "5", "true"]
VALUES: list[Any] = [
    *TEXTS, None, True, False, 0, 1, -1, 0.1, 1e20, 2**53, {}, [], {"a": 1}, {"k": {"a": "b"}}, ["a", 1, None, True],
    ["a\0b"], [[1], {"a": "ab"}], {"": 1, "a b": "x", "0": "zero"},
]  # fmt: skip
_DAY = 86_400_000_000
_BASE = 1_800_000_000_000_000


def store(ports, caller) -> list[tuple[Execution, dict[str, Any]]]:
    """A hundred executions, each with its JSON fields."""
    task_id = Tasks(ports).create(caller, definition()).task.task_id
    stored = [_execution(number, task_id) for number in range(100)]
    with ports.database.write():
        for execution, documents in stored:
            args, kwargs = documents["task_args"], documents["task_kwargs"]
            assert executions.insert(execution, args, kwargs, publish_after=NEVER)
    return stored


def _execution(number: int, task_id: str) -> tuple[Execution, dict[str, Any]]:
    own = number % 3 == 0
    begun = _BASE + number * _DAY if number % 4 else None
    execution_id = new_id()
    execution = Execution(
        id=execution_id,
        task_id=execution_id if own else f"celery-{number % 10}-{number}",
        parent_task=task_id if own else "",
        task_name=TEXTS[number % len(TEXTS)],
        module=TEXTS[number % 7],
        owner=Owner("ann" if number % 2 else "bob", "Ann"),
        status=list(ExecutionStatus)[number % 6],
        queue="default",
        due_at=_BASE,
        created_at=_BASE + (number % 5) * _DAY,
        started_at=begun,
        finished_at=begun + number * 500_000 if begun and number % 8 else None,
        error=TEXTS[number % len(TEXTS)] * 2,
        failure_reason=list(FailureReason)[number % 5] if number % 2 else None,
        metadata={"a": VALUES[number % len(VALUES)], "k": {"a": VALUES[(number * 7) % len(VALUES)]}},
        retries=number % 4,
    )
    if number % 9 == 0:
        execution = replace(execution, metadata={})
    args = [VALUES[(number * 3) % len(VALUES)]]
    kwargs = {"a": VALUES[(number * 5) % len(VALUES)]}
    return execution, {"metadata": execution.metadata, "task_args": args, "task_kwargs": kwargs}


_ORDERED = ["=", "!=", "<", "<=", ">", ">=", ":"]
_PATHS = [
    "metadata.a",
    "metadata.k.a",
    "metadata.a.0",
    "metadata.a.a",
    "metadata.a.'a b'",
    "metadata.a.'0'",
    "task_args.0",
]
_PATHS += ["task_args.0.1", "task_args.3", "task_kwargs.a", "task_kwargs.a.k.a", "metadata.b"]
_QUOTED = st.sampled_from([*TEXTS, "a*", "*b", "*a*"]).map(lambda text: f'"{text}"' if text != "a*b" else '"a\\*b"')
_JSON = _QUOTED | st.sampled_from(["0", "1", "0.1", "1e20", "-1", "9007199254740992", "x*"])


@st.composite
def _comparisons(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(_ORDERED))
    equal = operator if operator in ("=", "!=", ":") else "="
    time = st.sampled_from(["2027-01-15T08:00:00Z", "2027-01-17", "2027-02-01T08:00:00Z"])
    return draw(
        st.builds(
            lambda name, value: f"{name} {operator} {value}", st.sampled_from(["task_name", "error", "module"]), _QUOTED
        )
        | st.builds(lambda name: f"task_id {operator} celery-{name}*", st.integers(0, 9))
        | st.builds(lambda name: f"status {equal} {name}", st.sampled_from(list(ExecutionStatus)))
        | st.builds(lambda name: f"failure_reason {equal} {name}", st.sampled_from(list(FailureReason)[:5]))
        | st.builds(
            lambda name, value: f"{name} {operator} {value}", st.sampled_from(["created_at", "started_at"]), time
        )
        | st.builds(lambda value: f"duration {operator} {value}s", st.sampled_from(["0.5", "10", "0"]))
        | st.builds(lambda value: f"retries {operator} {value}", st.sampled_from(["0", "2", "1.5", "1e300"]))
        | st.builds(lambda path, value: f"{path} {operator} {value}", st.sampled_from(_PATHS), _JSON)
        | st.builds(
            lambda path, value: f"{path} {equal} {value}", st.sampled_from(_PATHS), st.sampled_from(["true", "null"])
        )
        | st.sampled_from(["metadata:*", "task_args:*", "metadata:a", "task_kwargs:b", "started_at:*", "error:*"])
        | st.sampled_from(_PATHS).map("{}:*".format)
        | st.sampled_from(["parent_task:*", 'parent_task = ""', "created_by = ann", "failure_reason:*"])
    )


FILTERS = st.recursive(
    _comparisons(),
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: f"({' AND '.join(terms)})")
        | st.lists(inner, min_size=2, max_size=3).map(lambda terms: f"({' OR '.join(terms)})")
        | inner.map("NOT ({})".format)
    ),
    max_leaves=5,
)
_ABSENT = object()


def holds(condition: Condition, execution: Execution, documents: dict[str, Any]) -> bool:
    match condition:
        case And(terms):
            return all(holds(term, execution, documents) for term in terms)
        case Or(terms):
            return any(holds(term, execution, documents) for term in terms)
        case Not(term):
            return not holds(term, execution, documents)
    if condition.field.kind.is_json:
        return _json_holds(condition, documents[condition.field.name])
    name = condition.field.name
    special = {
        "created_by": execution.owner.id,
        "duration": None
        if execution.started_at is None or execution.finished_at is None
        else execution.finished_at - execution.started_at,
    }
    found = special[name] if name in special else getattr(execution, name)
    if isinstance(condition.value, Anything):
        return found not in (None, "")
    if found is None:
        return False
    if condition.operator is Operator.HAS:
        return condition.value in found if condition.field.kind.name == "TEXT" else found == condition.value
    return _compares(condition, found)


def _compares(condition: Requirement, found: Any) -> bool:
    value = condition.value
    if isinstance(value, Pattern):
        same = isinstance(found, str) and _fits(value, found)
    else:
        same = found == value and isinstance(found, bool) == isinstance(value, bool)
    match condition.operator:
        case Operator.EQUAL:
            return same
        case Operator.UNEQUAL:
            return not same
    if isinstance(found, str) != isinstance(value, str) or isinstance(found, bool | dict | list | None):
        return False
    return {
        Operator.LESS: found < value,
        Operator.AT_MOST: found <= value,
        Operator.GREATER: found > value,
        Operator.AT_LEAST: found >= value,
    }[condition.operator]


def _fits(pattern: Pattern, text: str) -> bool:
    if pattern.is_open_before and pattern.is_open_behind:
        return pattern.text in text
    return text.endswith(pattern.text) if pattern.is_open_before else text.startswith(pattern.text)


def _json_holds(condition: Requirement, document: Any) -> bool:
    found = document
    for step in condition.path:
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and step < len(found) else _ABSENT
        else:
            found = found.get(step, _ABSENT) if isinstance(found, dict) else _ABSENT
    if found is _ABSENT:
        return False
    if isinstance(found, str):
        found = found.replace("\0", "\ufffd")  # PostgreSQL has none
    value = condition.value
    if isinstance(value, Anything):
        return bool(condition.path) or bool(found)
    if condition.operator is not Operator.HAS:
        return _compares(condition, found)
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    if isinstance(found, dict):
        return value in found if isinstance(value, str) else False
    if isinstance(found, list):
        return any(each == value and type(each) is type(value) for each in found)
    return found == value and isinstance(found, bool) == isinstance(value, bool)
