from typing import Any
from urllib.parse import urlencode

import pytest
from gateway_schema import Everything
from hypothesis import given
from hypothesis import strategies as st

from task_server.gateway.field_text import FieldText
from task_server.gateway.json_reader import JsonReader
from task_server.gateway.query import QueryError, parse_query, read_query

TEXT = FieldText(JsonReader(ignore_unknown=False))


def read(query: str, bound: tuple[tuple[str, ...], ...] = ()) -> tuple[Any, list[str]]:
    message = Everything()
    violations = read_query(parse_query(query), message, bound, TEXT)
    return message, [violation.field for violation in violations]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("int32_value=-5", Everything(int32_value=-5)),
        ("int32Value=%2B5", Everything(int32_value=5)),
        ("uint64_value=18446744073709551615", Everything(uint64_value=2**64 - 1)),
        ("double_value=1e3", Everything(double_value=1000)),
        ("double_value=-inf", Everything(double_value=float("-inf"))),
        ("bool_value=T", Everything(bool_value=True)),
        ("bytes_value=-_8", Everything(bytes_value=b"\xfb\xff")),
        ("string_list=a&string_list=b,c", Everything(string_list=["a", "b,c"])),
        ("colour=RED", Everything(colour=3)),
        ("colour=3", Everything(colour=3)),
        ("labels[env]=prod&labels[a.b]=", Everything(labels={"env": "prod", "a.b": ""})),
        ("flags[true]=7", Everything(flags={True: 7})),
        ("timestamp=1970-01-01T00:00:01.5Z", Everything(timestamp={"seconds": 1, "nanos": 500_000_000})),
        ("duration=1h30m", Everything(duration={"seconds": 5400})),
        ("duration=-1.5s", Everything(duration={"seconds": -1, "nanos": -500_000_000})),
        ("duration=0", Everything(duration={})),
        ("mask=a_b,cD", Everything(mask={"paths": ["a_b", "cD"]})),
        ('anything={"a":[1]}', Everything(anything={"struct_value": {"a": [1]}})),
        ("structure={}", Everything(structure={})),
        ("nothing=", Everything(nothing={})),
        ("wrapped_int64=0", Everything(wrapped_int64={"value": 0})),
        ("inner.inner.string_value=x", Everything(inner={"inner": {"string_value": "x"}})),
        ("inner.unknown=x", Everything(inner={})),
        ("maybe=0", Everything(maybe=0)),
        ("unknown=1&string_value.x=", None),
    ],
)
def test_a_query_sets_fields(query: str, expected: Any) -> None:
    message, wrong = read(query)

    if expected is None:
        assert wrong == ["string_value.x"]
    else:
        assert (message, wrong) == (expected, [])


@pytest.mark.parametrize(
    "query",
    [
        "int32_value=1.0",
        "int32_value=0x1",
        "int32_value=1_0",
        "int32_value= 1",
        "int32_value=٣",
        "uint32_value=-1",
        "uint32_value=%2B1",
        "float_value=1e39",
        "double_value=1e999",
        "double_value=1_0.0",
        "bool_value=yes",
        "bytes_value=a",
        "bytes_value=-/",
        "colour=red",
        "colour=2",
        "flags[x]=1",
        "labels=x",
        "labels[a]=1&labels[a]=2",
        "timestamp=1970-01-01",
        "timestamp=1970-01-01t00:00:01z",
        "duration=5",
        "duration=1.5",
        "duration=300000h3000000h",
        "structure=[]",
        "anything={",
        "elements=[]",
        "nothing=x",
        "inner=x",
        "inners.string_value=x",
        "string_value=a&string_value=b",
        "string_value=a&stringValue=b",
        "left=a&right.string_value=b",
    ],
)
def test_a_wrong_value_names_its_field(query: str) -> None:
    message, wrong = read(query)

    assert len(wrong) == 1
    assert wrong[0].partition(".")[0].partition("[")[0] in message.DESCRIPTOR.fields_by_name


def test_all_wrong_values_are_named_at_once() -> None:
    assert read("int32_value=a&bool_value=b&string_value=ok")[1] == ["int32_value", "bool_value"]


def test_bound_fields_and_what_is_below_them_are_skipped() -> None:
    message, wrong = read("inner.int32_value=x&stringValue=y&int32_value=1", bound=(("inner",), ("string_value",)))

    assert (message, wrong) == (Everything(int32_value=1), [])


@pytest.mark.parametrize("query", ["a=%", "a=%zz", "%1=a", "a;b", "a=%ff"])
def test_a_malformed_query_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        parse_query(query)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1)))
def test_what_was_encoded_is_decoded(query: dict[str, list[str]]) -> None:
    assert parse_query(urlencode(query, doseq=True)) == query


@given(st.text())
def test_no_text_of_a_value_breaks_the_reader(text: str) -> None:
    for field in Everything.DESCRIPTOR.fields:
        read_query({field.name: [text]}, Everything(), (), TEXT)
