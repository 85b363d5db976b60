"""Reads a filter expression (AIP-160): one pass from left to right, so its time is linear in the text's length.

    expression: sequence {AND sequence}        a AND b OR c   is   a AND (b OR c)
    sequence:   factor {factor}                a b            is   a AND b
    factor:     term {OR term}
    term:       [NOT | -] simple
    simple:     comparison | ( expression )
    comparison: name {. name} operator value

Functions, comparisons with parentheses and words that stand alone are refused, with what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from task_server.domain.filters.tree import And, Node, Not, Operator, Or

#: In characters. The three limits bound what the database is asked to do.
MAX_LENGTH = 4096
MAX_DEPTH = 20
MAX_COMPARISONS = 100
MAX_NAMES = 16

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"""[^\s()<>=!:.,"']+""")
_BARE_VALUE = re.compile(r"""[^\s()<>=!,"'\\]+""")
_OPERATOR = re.compile("<=|>=|!=|[<>=:]")
_KEYWORD = re.compile(r"(AND|OR|NOT)(?=[\s()]|$)")
_QUOTED = re.compile(r"""\\(.)|(["'])|(\*)|[^\\"'*]+""", re.DOTALL)
_ESCAPES = "\\\"'*"


class FilterError(Exception):
    """A filter that can not be read, or not be asked for. `position` counts characters from 1."""

    def __init__(self, position: int, description: str) -> None:
        super().__init__(description)
        self.position = position
        self.description = description


@dataclass(frozen=True, slots=True)
class Name:
    """One part of a field's path. Without quotes, digits are a place in a list."""

    text: str
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """What a field is compared with."""

    text: str
    is_quoted: bool = False
    #: Where in the text a `*` stands for anything.
    stars: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field's path, an operator and a value, as they were written, and where."""

    path: tuple[Name, ...]
    operator: Operator
    literal: Literal
    position: int


def parse(text: str) -> Node[Comparison] | None:
    """The tree of a filter, None for one that says nothing. Raises FilterError."""
    if len(text) > MAX_LENGTH:
        raise FilterError(MAX_LENGTH + 1, f"must have at most {MAX_LENGTH:,} characters, not {len(text):,}")
    if (nul := text.find("\0")) >= 0:
        raise FilterError(nul + 1, "must not have the character U+0000 in it")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._count = 0

    def whole(self) -> Node[Comparison] | None:
        self._skip_space()
        if self._at == len(self._text):
            return None
        tree = self._expression()
        if self._at < len(self._text):
            raise self._error(
                f"{self._text[self._at]!r} belongs to nothing; remove it, or quote the value it is part of"
            )
        return tree

    def _expression(self) -> Node[Comparison]:
        terms = self._sequence()
        while self._takes_keyword("AND"):
            terms += self._sequence()
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _sequence(self) -> list[Node[Comparison]]:
        factors = [self._factor()]
        while self._at < len(self._text) and self._text[self._at] != ")" and self._keyword() not in ("AND", "OR"):
            factors.append(self._factor())
        return factors

    def _factor(self) -> Node[Comparison]:
        terms = [self._term()]
        while self._takes_keyword("OR"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _term(self) -> Node[Comparison]:
        if self._takes_keyword("NOT") or self._takes("-"):
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Node[Comparison]:
        begin = self._at
        if not self._takes("("):
            return self._comparison()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"parentheses stand at most {MAX_DEPTH} deep")
        inner = self._expression()
        if not self._takes(")"):
            raise self._error("this parenthesis is not closed; add )", begin)
        self._depth -= 1
        return inner

    def _comparison(self) -> Comparison:
        begin = self._at
        self._count += 1
        if self._count > MAX_COMPARISONS:
            raise self._error(f"a filter has at most {MAX_COMPARISONS} comparisons")
        path = self._path()
        end = self._at
        self._skip_space()
        if self._text.startswith("(", end):
            raise self._error("functions are not known here; compare a field with a value", begin)
        operator = _OPERATOR.match(self._text, self._at)
        if operator is None:
            raise self._stands_alone(begin, end)
        self._at = operator.end()
        self._skip_space()
        literal = self._literal()
        self._skip_space()
        return Comparison(path, Operator(operator.group()), literal, begin + 1)

    def _path(self) -> tuple[Name, ...]:
        begin = self._at
        if keyword := self._keyword():
            raise self._error(f"{keyword} needs a comparison on either side")
        names = [self._name()]
        while self._text.startswith(".", self._at):
            self._at += 1
            names.append(self._name())
        if len(names) > MAX_NAMES:
            raise self._error(f"a path has at most {MAX_NAMES} names", begin)
        return tuple(names)

    def _name(self) -> Name:
        if self._text[self._at : self._at + 1] in ('"', "'"):
            return Name(self._quoted().text, is_quoted=True)
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise self._error('a field\'s name is missing here, as in task_name = "nightly"')
        self._at = word.end()
        return Name(word.group())

    def _literal(self) -> Literal:
        if self._text[self._at : self._at + 1] in ('"', "'"):
            return self._quoted()
        begin = self._at
        if self._text.startswith("(", begin):
            raise self._error("a field is compared with one value: write a = 1 OR a = 2 in place of a = (1 OR 2)")
        word = _BARE_VALUE.match(self._text, begin)
        if word is None or self._keyword():
            raise self._error('a value is missing here, as in status = FAILURE or error = ""')
        self._at = word.end()
        if self._text.startswith("(", self._at):
            raise self._error("functions are not known here; give a value", begin)
        text = word.group()
        return Literal(text, stars=tuple(place for place, character in enumerate(text) if character == "*"))

    def _quoted(self) -> Literal:
        begin = self._at
        quote = self._text[begin]
        self._at += 1
        parts: list[str] = []
        stars: list[int] = []
        length = 0
        while piece := _QUOTED.match(self._text, self._at):
            escaped, mark, star = piece.groups()
            if mark == quote:
                self._at = piece.end()
                return Literal("".join(parts), True, tuple(stars))
            if escaped is not None and escaped not in _ESCAPES:
                raise self._error(f"\\{escaped} is not known; after a backslash stands one of {_ESCAPES}")
            if star:
                stars.append(length)
            parts.append(escaped or piece.group())
            length += len(parts[-1])
            self._at = piece.end()
        raise self._error(f"this text is not ended; add {quote}", begin)

    def _stands_alone(self, begin: int, end: int) -> FilterError:
        word = self._text[begin:end]
        if word.upper() in ("AND", "OR", "NOT"):
            return self._error(f"write {word.upper()} in capitals", begin)
        return self._error(f"{word} stands alone; compare a field with it, as in task_name = {word}", begin)

    def _keyword(self) -> str:
        found = _KEYWORD.match(self._text, self._at)
        return found.group(1) if found else ""

    def _takes_keyword(self, keyword: str) -> bool:
        return self._keyword() == keyword and self._takes(keyword)

    def _takes(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        self._skip_space()
        return True

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None  # noqa: S101 - it matches nothing, too
        self._at = found.end()

    def _error(self, description: str, at: int | None = None) -> FilterError:
        return FilterError((self._at if at is None else at) + 1, description)
