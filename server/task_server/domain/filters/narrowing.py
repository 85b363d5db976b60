"""Takes out of a condition what an index answers, so that the rest is looked at in few rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from task_server.domain.filters.checking import Condition, Requirement
from task_server.domain.filters.fields import Kind
from task_server.domain.filters.tree import And, Not, Operator, Or
from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus

#: By the field of a condition: that of `ExecutionFilter`, and what it has where nothing is asked for.
_PLAIN: Mapping[str, tuple[str, Any]] = {
    "created_by": ("owner_id", None),
    "created_by_id": ("owner_id", None),
    "module": ("module", ""),
    "task_name": ("task_name", ""),
    "parent_task": ("parent_task", ""),
    "status": ("status", None),
}

#: How long a key, and a value, of an attribute may be.
_KEY, _VALUE = 100, 200


def narrowed(wanted: ExecutionFilter) -> ExecutionFilter:
    """The same filter, with plain equalities and bounds of `created_at` of its condition as fields of its own."""
    condition = wanted.condition
    if condition is None:
        return wanted
    rest = []
    for term in condition.terms if isinstance(condition, And) else (condition,):
        folded = _folded(wanted, term) if isinstance(term, Requirement) else None
        if folded is None:
            rest.append(term)
        else:
            wanted = folded
    return replace(wanted, condition=_joined(rest))


@dataclass(frozen=True, slots=True)
class Attribute:
    """A text or integer in the first level of `metadata` or `task_kwargs`, as `execution_attribute` keeps it."""

    name: str
    value: str
    #: What is asked for besides.
    rest: Condition | None


def attribute(condition: Condition | None) -> Attribute | None:
    """The attribute that all which matches has, None where none is asked for."""
    terms = condition.terms if isinstance(condition, And) else (condition,)
    for number, term in enumerate(terms):
        match term:
            case Requirement(field, (str(key),), Operator.EQUAL, str() | int() as value) if (
                field.kind.is_json and not isinstance(value, bool) and len(key) <= _KEY and len(str(value)) <= _VALUE
            ):
                rest = [other for other in (*terms[:number], *terms[number + 1 :]) if other is not None]
                kept = f'"{value}' if isinstance(value, str) else str(value)
                return Attribute(f"{field.name}.{key}", kept, _joined(rest))
    return None


def decided(condition: Condition, status: ExecutionStatus) -> Condition | bool:
    """What a condition asks of rows with that status: what is left of it, or whether it holds for all or none of them."""
    match condition:
        case And(terms):
            return _reduced(terms, status, of_all=True)
        case Or(terms):
            return _reduced(terms, status, of_all=False)
        case Not(term):
            inner = decided(term, status)
            return not inner if isinstance(inner, bool) else Not(inner)
        case Requirement(field, _, operator, value) if field.name == "status" and isinstance(value, str):
            return (value == status) is not (operator is Operator.UNEQUAL)
        case _:
            return condition


def _reduced(terms: tuple[Condition, ...], status: ExecutionStatus, *, of_all: bool) -> Condition | bool:
    rest = []
    for term in terms:
        answer = decided(term, status)
        if not isinstance(answer, bool):
            rest.append(answer)
        elif answer is not of_all:
            return answer
    if not rest:
        return of_all
    if len(rest) == 1:
        return rest[0]
    return And(tuple(rest)) if of_all else Or(tuple(rest))


def _folded(wanted: ExecutionFilter, test: Requirement) -> ExecutionFilter | None:
    name, value = test.field.name, test.value
    if name == "created_at" and isinstance(value, int):
        return _bounded(wanted, test.operator, value)
    if name not in _PLAIN or test.operator is not Operator.EQUAL or not isinstance(value, str) or not value:
        return None
    target, default = _PLAIN[name]
    if test.field.kind is Kind.WORD:
        value = ExecutionStatus(value)
    present = getattr(wanted, target)
    if present == value:
        return wanted
    if present != default:
        return None
    changes: dict[str, Any] = {target: value}
    return replace(wanted, **changes)


def _bounded(wanted: ExecutionFilter, operator: Operator, time: int) -> ExecutionFilter | None:
    lowest = {Operator.GREATER: time + 1, Operator.AT_LEAST: time, Operator.EQUAL: time, Operator.HAS: time}
    highest = {Operator.LESS: time, Operator.AT_MOST: time + 1, Operator.EQUAL: time + 1, Operator.HAS: time + 1}
    if operator not in lowest and operator not in highest:
        return None
    begin, end = wanted.created_from, wanted.created_before
    low, high = lowest.get(operator), highest.get(operator)
    return replace(
        wanted,
        created_from=low if begin is None else begin if low is None else max(begin, low),
        created_before=high if end is None else end if high is None else min(end, high),
    )


def _joined(terms: list[Condition]) -> Condition | None:
    if not terms:
        return None
    return terms[0] if len(terms) == 1 else And(tuple(terms))
