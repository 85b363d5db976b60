"""Filters as text: printed from a tree, and drawn by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from task_server.domain.filters.parser import Comparison, Literal, Name
from task_server.domain.filters.tree import And, Not, Operator, Or

_NAMES = st.builds(Name, st.text("ab_-09é", min_size=1, max_size=4).filter(lambda text: text[0] != "-"))
_QUOTED_NAMES = st.builds(
    lambda text: Name(text, is_quoted=True), st.text(st.characters(exclude_characters="\0*", codec="utf-8"), max_size=4)
)
_BARE = st.text("ab0-*.:+é/", min_size=1, max_size=6).map(
    lambda text: Literal(text, stars=tuple(place for place, character in enumerate(text) if character == "*"))
)


@st.composite
def _quoted(draw: st.DrawFn) -> Literal:
    text = draw(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8))
    places = [place for place, character in enumerate(text) if character == "*"]
    return Literal(text, True, tuple(place for place in places if draw(st.booleans())))


COMPARISONS = st.builds(
    Comparison,
    st.builds(lambda first, rest: (first, *rest), _NAMES, st.lists(_NAMES | _QUOTED_NAMES, max_size=2)),
    st.sampled_from(list(Operator)),
    _BARE | _quoted(),
    st.just(0),
)
TREES = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: And(tuple(terms)))
        | st.lists(inner, min_size=2, max_size=3).map(lambda terms: Or(tuple(terms)))
        | st.builds(Not, inner)
    ),
    max_leaves=8,
)


def printed(node: Any, *, is_inner: bool = False) -> str:
    """The text of a tree, with parentheses around whatever is within another."""
    match node:
        case And(terms):
            text = " AND ".join(printed(term, is_inner=True) for term in terms)
        case Or(terms):
            text = " OR ".join(printed(term, is_inner=True) for term in terms)
        case Not(term):
            text = f"NOT {printed(term, is_inner=True)}"
        case _:
            names = ".".join(_quote(name.text, ()) if name.is_quoted else name.text for name in node.path)
            literal = node.literal
            value = _quote(literal.text, literal.stars) if literal.is_quoted else literal.text
            return f"{names} {node.operator} {value}"
    return f"({text})" if is_inner else text


def _quote(text: str, stars: tuple[int, ...]) -> str:
    said = [
        f"\\{character}" if character in '\\"' or (character == "*" and place not in stars) else character
        for place, character in enumerate(text)
    ]
    return f'"{"".join(said)}"'
