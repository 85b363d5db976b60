"""A filter's condition in SQL. Where a field is unset, each comparison with it is not true, and its negation is."""

from __future__ import annotations

from collections.abc import Mapping

from task_server.domain.filters.checking import Anything, Condition, Pattern, Requirement
from task_server.domain.filters.fields import EXECUTION_FIELDS, TASK_FIELDS, Kind
from task_server.domain.filters.tree import And, Not, Operator, Or
from task_server.store.clause import Clause, joined, negated
from task_server.store.dialect import Dialect
from task_server.store.json_path import Path

#: By field: the column that has it, where that is not called the same, or what is made of columns.
EXECUTION_COLUMNS: Mapping[str, str] = {name: name for name in EXECUTION_FIELDS} | {
    "task_id": "COALESCE(registered_task_id, task_id)",
    "parent_task": "COALESCE(parent_task, '')",
    "created_by": "owner_id",
    "created_by_id": "owner_id",
    "created_by_username": "owner_name",
    "duration": "(finished_at - started_at)",
}
TASK_COLUMNS: Mapping[str, str] = {name: name for name in TASK_FIELDS} | {"metadata": "definition"}
#: Where a field's JSON is not all of its column.
_WITHIN: Mapping[str, Path] = {"definition": ("metadata",)}
_SQL = {Operator.UNEQUAL: "<>", Operator.HAS: "="}


def clause(condition: Condition, columns: Mapping[str, str], dialect: Dialect) -> Clause:
    """The condition as SQL that is true of the rows that match."""
    match condition:
        case And(terms):
            return joined("AND", (clause(term, columns, dialect) for term in terms))
        case Or(terms):
            return joined("OR", (clause(term, columns, dialect) for term in terms))
        case Not(term):
            return negated(clause(term, columns, dialect))
        case Requirement() if condition.field.kind.is_json:
            return _json_clause(condition, columns[condition.field.name], dialect)
        case _:
            return _plain_clause(condition, columns[condition.field.name], dialect)


def _plain_clause(wanted: Requirement, column: str, dialect: Dialect) -> Clause:
    is_text, value = wanted.field.kind is Kind.TEXT, wanted.value
    expression = Clause(column)
    if isinstance(value, Anything):
        return expression.within("", " <> ''" if is_text else " IS NOT NULL")
    if isinstance(value, Pattern):
        matching = _matches(expression, value, dialect)
        return negated(matching) if wanted.operator is Operator.UNEQUAL else matching
    if is_text and wanted.operator is Operator.HAS:
        return dialect.contains(expression, str(value))
    if is_text and wanted.operator not in (Operator.EQUAL, Operator.UNEQUAL):
        expression = dialect.ordered(expression)
    return expression.within("", f" {_SQL.get(wanted.operator, wanted.operator)} {dialect.mark}", value)


def _json_clause(wanted: Requirement, column: str, dialect: Dialect) -> Clause:
    path, value = (*_WITHIN.get(column, ()), *wanted.path), wanted.value
    if isinstance(value, Anything):
        return dialect.exists(column, path) if wanted.path else dialect.is_filled(column, path)
    if isinstance(value, Pattern):
        same = _matches(dialect.text_at(column, path), value, dialect)
    elif wanted.operator is Operator.HAS:
        return _has(column, path, value, dialect)
    elif wanted.operator in (Operator.EQUAL, Operator.UNEQUAL):
        same = dialect.equals(column, path, value)
    elif isinstance(value, str):
        text = dialect.ordered(dialect.text_at(column, path))
        return text.within("", f" {wanted.operator} {dialect.mark}", value)
    else:
        assert value is not None  # noqa: S101 - checked: it is neither less nor greater
        return dialect.compares(column, path, wanted.operator, value)
    if wanted.operator is Operator.UNEQUAL:
        return joined("AND", [dialect.exists(column, path), negated(same)])
    return same


def _has(column: str, path: Path, value: str | float | None, dialect: Dialect) -> Clause:
    ways = [dialect.has_element(column, path, value)]
    if isinstance(value, str):
        ways += [dialect.contains(dialect.text_at(column, path), value), dialect.has_key(column, path, value)]
    else:
        ways.append(dialect.equals(column, path, value))
    return joined("OR", ways)


def _matches(text: Clause, pattern: Pattern, dialect: Dialect) -> Clause:
    if not pattern.text or (pattern.is_open_before and pattern.is_open_behind):
        return dialect.contains(text, pattern.text)
    if pattern.is_open_before:
        return dialect.ends_with(text, pattern.text)
    return text.within("substr(", f", 1, {len(pattern.text)}) = {dialect.mark}", pattern.text)
