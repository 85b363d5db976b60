"""What a filter says, as a tree. Its leaves are `parser.Comparison` as written, or `checking.Requirement` once
they are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

Leaf = TypeVar("Leaf", covariant=True)
Other = TypeVar("Other")


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    #: Has: a text or list that contains it, an object that has the key; `:*` asks whether there is anything.
    HAS = ":"


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf]):
    """All of the terms hold."""

    terms: tuple[Node[Leaf], ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf]):
    """At least one of the terms holds."""

    terms: tuple[Node[Leaf], ...]


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    """The term does not hold."""

    term: Node[Leaf]


Node: TypeAlias = Leaf | And[Leaf] | Or[Leaf] | Not[Leaf]


def mapped(node: Node[Leaf], leaf: Callable[[Leaf], Other]) -> Node[Other]:
    """The same tree with each of its leaves replaced."""
    match node:
        case And(terms):
            return And(tuple(mapped(term, leaf) for term in terms))
        case Or(terms):
            return Or(tuple(mapped(term, leaf) for term in terms))
        case Not(term):
            return Not(mapped(term, leaf))
        case _:
            return leaf(node)
