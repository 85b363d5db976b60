"""A piece of SQL with its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clause:
    """SQL text, and in the order of their marks the values of its parameters, which never become part of the text."""

    text: str
    values: tuple[Any, ...] = ()

    def within(self, before: str, behind: str, *values: Any) -> Clause:
        """This clause between two texts; `values` are those of the marks in the one behind it."""
        return Clause(f"{before}{self.text}{behind}", (*self.values, *values))


def joined(word: str, clauses: Iterable[Clause]) -> Clause:
    """Clauses with AND or OR between them, in parentheses."""
    given = list(clauses)
    return Clause(
        f"({f' {word} '.join(clause.text for clause in given)})",
        tuple(value for clause in given for value in clause.values),
    )


def negated(clause: Clause) -> Clause:
    """What holds where the clause does not, also where something that it compares is not there."""
    return clause.within("NOT COALESCE(", ", FALSE)")
