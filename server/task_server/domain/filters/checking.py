"""Checks each comparison of a filter against the fields that there are, and reads its value as the field's kind has it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from zoneinfo import ZoneInfo

from task_server.domain import days
from task_server.domain.clock import SECOND, Micros
from task_server.domain.filters.fields import Field, Kind
from task_server.domain.filters.parser import Comparison, FilterError, Literal, Name
from task_server.domain.filters.tree import Node, Operator, mapped

#: Beyond this a double does not hold every integer, and JSON numbers are doubles.
_EXACT = 2**53
#: In seconds; its microseconds fit into the databases' integers.
_LONGEST = 10**12
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_PLACE = re.compile(r"[0-9]{1,9}")
#: What stands in JSON text as something else, so that a database can not look for a key by it.
_NOT_IN_KEYS = re.compile(r'["\\\x00-\x1f]')
_NAMED = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Anything:
    """What `:*` asks for."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with a `*` for anything before it, behind it, or both."""

    text: str
    is_open_before: bool
    is_open_behind: bool


#: Times in microseconds, as are lengths of time.
Value: TypeAlias = str | float | bool | Pattern | Anything | None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A comparison that can be made. `path` leads into a field of JSON: keys of objects, places in lists."""

    field: Field
    path: tuple[str | int, ...]
    operator: Operator
    value: Value


Condition: TypeAlias = Node[Requirement]


class Checker:
    """Checks comparisons; what is wrong with them is collected in `problems`. Dates are days of the zone."""

    def __init__(self, fields: Mapping[str, Field], zone: ZoneInfo) -> None:
        self._fields = fields
        self._zone = zone
        self.problems: list[FilterError] = []

    def checked(self, tree: Node[Comparison]) -> Condition | None:
        """The condition that a tree makes, None where there are problems."""
        condition = mapped(tree, self._checked)
        return None if self.problems else condition

    def _checked(self, comparison: Comparison) -> Requirement:
        try:
            return self._test(comparison)
        except ValueError as error:
            self.problems.append(FilterError(comparison.position, str(error)))
            return _NOTHING

    def _test(self, comparison: Comparison) -> Requirement:
        first, *rest = comparison.path
        field = self._fields.get(first.text)
        if field is None:
            message = f"{first.text!r} is no field to filter by; there are {', '.join(self._fields)}"
            raise ValueError(message)
        operator = comparison.operator
        if rest and not field.kind.is_json:
            message = f"{field.name} has no parts; compare it itself"
            raise ValueError(message)
        path = tuple(_step(name) for name in rest)
        if field.kind is Kind.LIST and path and not isinstance(path[0], int):
            message = f"{field.name} is a list: name a place in it, as {field.name}.0"
            raise ValueError(message)
        if field.kind.is_json and not path and operator is not Operator.HAS:
            message = (
                f"name what in {field.name} is compared, as {field.name}.{'0' if field.kind is Kind.LIST else 'team'}"
            )
            raise ValueError(message)
        if operator is Operator.HAS and comparison.literal == _STAR:
            return Requirement(field, path, operator, Anything())
        return Requirement(field, path, operator, self._value(field, operator, comparison.literal))

    def _value(self, field: Field, operator: Operator, literal: Literal) -> Value:
        text = literal.text
        match field.kind:
            case Kind.TEXT:
                return _text(literal, operator)
            case Kind.WORD:
                return _word(field, operator, text)
            case Kind.TIME:
                return days.read_time(text, self._zone)
            case Kind.NUMBER:
                return _number(text)
            case Kind.SECONDS:
                return _length(text)
        if not literal.is_quoted and text in _NAMED:
            if operator not in (Operator.EQUAL, Operator.UNEQUAL, Operator.HAS):
                message = f"{text} is neither less nor greater than anything; use = or !=, or quote a text"
                raise ValueError(message)
            return _NAMED[text]
        if not literal.is_quoted and _NUMBER.fullmatch(text):
            return _number(text)
        return _text(literal, operator)


def _step(name: Name) -> str | int:
    if not name.is_quoted and name.text.isdigit():
        if not _PLACE.fullmatch(name.text):
            message = f"{name.text} is no place in a list; quote it where it is a key"
            raise ValueError(message)
        return int(name.text)
    if not name.text or _NOT_IN_KEYS.search(name.text):
        raise ValueError('a key must neither be empty nor have ", \\ or control characters in it')
    return name.text


def _text(literal: Literal, operator: Operator) -> str | Pattern:
    text, stars = literal.text, literal.stars
    if not stars or operator not in (Operator.EQUAL, Operator.UNEQUAL):
        return text
    if any(0 < star < len(text) - 1 for star in stars):
        raise ValueError(r"a * stands for anything only as the first or last character; write \* in quotes for itself")
    before, behind = 0 in stars, len(text) - 1 in stars
    inner = text[int(before) : len(text) - int(behind)] if len(text) > 1 else ""
    return Pattern(inner, before, behind)


def _word(field: Field, operator: Operator, text: str) -> str:
    if operator not in (Operator.EQUAL, Operator.UNEQUAL, Operator.HAS):
        message = f"{field.name} is compared by = and != only"
        raise ValueError(message)
    if text not in field.words:
        message = f"{field.name} is one of {', '.join(field.words)}"
        raise ValueError(message)
    return text


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        message = f"{text[:40]!r} is no number, as 2 or 0.5"
        raise ValueError(message)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _length(text: str) -> Micros:
    seconds = _number(text.removesuffix("s"))
    if abs(seconds) > _LONGEST:
        message = f"{text[:40]!r} is more than {_LONGEST:,} seconds, which nothing takes"
        raise ValueError(message)
    return round(seconds * SECOND)


_STAR = Literal("*", stars=(0,))
#: Stands where a problem was noted; the tree is given to nobody.
_NOTHING = Requirement(Field("", Kind.TEXT), (), Operator.EQUAL, "")
