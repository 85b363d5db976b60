"""Reading filter expressions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from tests.unit.domain.filter_text import TREES, printed

from task_server.domain.filters.parser import MAX_COMPARISONS, MAX_DEPTH, Comparison, FilterError, Literal, Name, parse
from task_server.domain.filters.tree import And, Not, Operator, Or, mapped


def where(name: str, value: str, operator: str = "=") -> Comparison:
    return Comparison((Name(name),), Operator(operator), Literal(value), 0)


def read(text: str):
    tree = parse(text)
    return None if tree is None else mapped(tree, lambda comparison: replace(comparison, position=0))


A, B, C = where("a", "1"), where("b", "2"), where("c", "3")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        (" \n ", None),
        ("a=1", A),
        ("  a  =  1  ", A),
        ("(a=1)", A),
        ("a=1 AND b=2", And((A, B))),
        ("a=1 b=2", And((A, B))),
        ("a=1 OR b=2", Or((A, B))),
        ("a=1 AND b=2 OR c=3", And((A, Or((B, C))))),
        ("a=1 OR b=2 AND c=3", And((Or((A, B)), C))),
        ("a=1 b=2 OR c=3", And((A, Or((B, C))))),
        ("(a=1 AND b=2) OR c=3", Or((And((A, B)), C))),
        ("NOT a=1", Not(A)),
        ("-a=1", Not(A)),
        ("NOT(a=1 b=2)", Not(And((A, B)))),
        ("NOT a=1 OR b=2", Or((Not(A), B))),
        ("a:1", where("a", "1", ":")),
        ("a>=2026-01-31T08:00:00+08:00", where("a", "2026-01-31T08:00:00+08:00", ">=")),
        ("a<-5", where("a", "-5", "<")),
        ("a.AND.0 = x", Comparison((Name("a"), Name("AND"), Name("0")), Operator.EQUAL, Literal("x"), 0)),
        (
            'a."b c".\'"\' = x',
            Comparison((Name("a"), Name("b c", True), Name('"', True)), Operator.EQUAL, Literal("x"), 0),
        ),
        (r'a = "\"\\\*"', Comparison((Name("a"),), Operator.EQUAL, Literal('"\\*', True), 0)),
        ('a = "*b"', Comparison((Name("a"),), Operator.EQUAL, Literal("*b", True, (0,)), 0)),
        ("a = b*", Comparison((Name("a"),), Operator.EQUAL, Literal("b*", False, (1,)), 0)),
        ("a = ANDROID", where("a", "ANDROID")),
    ],
)
def test_a_filter_is_read(text: str, tree: object) -> None:
    assert read(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("nightly", 1, "task_name = nightly"),
        ("a=1 and b=2", 5, "AND in capitals"),
        ("a=1 OR", 7, "name is missing"),
        ("AND a=1", 1, "either side"),
        ("a=1 AND OR b=2", 9, "either side"),
        ("a=", 3, "value is missing"),
        ("a= AND b=2", 4, "value is missing"),
        ("a=(b OR c)", 3, "a = 1 OR a = 2"),
        ("f(a)", 1, "functions"),
        ("a = f(b)", 5, "functions"),
        ("(a=1", 1, "add )"),
        ("a=1)", 4, "belongs to nothing"),
        ('a="b', 3, 'add "'),
        ('a="b\\', 3, 'add "'),
        (r'a="\n"', 4, "after a backslash"),
        ("a.=1", 3, "name is missing"),
        ("a=1, b=2", 4, "name is missing"),
        ("a = b\0", 6, "U+0000"),
        ("a=1 " * 1025, 4097, "4,096"),
        ("(" * (MAX_DEPTH + 1), 22, "20 deep"),
        ("a=1 " * (MAX_COMPARISONS + 1), 401, "100 comparisons"),
        (".".join("a" * 17) + "=1", 1, "16 names"),
    ],
)
def test_what_can_not_be_read_says_where_and_what_to_write(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse(text)
    assert refused.value.position == position
    assert says in refused.value.description


@given(TREES)
def test_what_is_printed_is_read_as_the_same_tree(tree: object) -> None:
    text = printed(tree)
    if len(text) <= 4096:
        assert read(text) == tree
