import json
import math
from typing import Any

import pytest
from gateway_schema import Everything
from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.gateway.json_reader import MAX_VIOLATIONS, JsonReader
from task_server.gateway.json_text import JsonSyntaxError, read_first
from task_server.gateway.json_writer import JsonWriter

STRICT = JsonReader(ignore_unknown=False)
LENIENT = JsonReader(ignore_unknown=True)
WRITER = JsonWriter(proto_field_names=True)


def wrong(value: Any, reader: JsonReader = STRICT) -> list[str]:
    return [violation.field for violation in reader.read(value, Everything(), "")]


def finite(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(min_value=low, max_value=high, allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    message: Any = Everything(
        int32_value=draw(st.integers(-(2**31), 2**31 - 1)),
        uint64_value=draw(st.integers(0, 2**64 - 1)),
        sint64_list=draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)),
        double_value=draw(st.floats(allow_nan=False)),
        # json_format refuses the shortest text of the largest float, 3.4028235e+38, which protobuf-go reads.
        float_value=draw(st.floats(-(2.0**127), 2.0**127, width=32) | st.sampled_from([math.inf, -math.inf])),
        bool_value=draw(st.booleans()),
        string_value=draw(st.text()),
        bytes_value=draw(st.binary()),
        colour=draw(st.sampled_from([0, 3, 77])),
        labels=draw(st.dictionaries(st.text(), st.text(), max_size=3)),
        flags=draw(st.dictionaries(st.booleans(), st.integers(-5, 5))),
    )
    # Its null and its absence look alike in JSON.
    json_format.ParseDict(draw(JSON), message.anything)
    if draw(st.booleans()):
        message.timestamp.FromNanoseconds(draw(st.integers(-(10**18), 10**18)))
        message.duration.FromNanoseconds(draw(st.integers(-(10**18), 10**18)))
        message.inners.add(maybe=0).anything.bool_value = True
        message.wrapped_int64.SetInParent()
        json_format.ParseDict(draw(st.dictionaries(st.text(), JSON, max_size=3)), message.structure)
    if draw(st.booleans()):
        message.left = draw(st.text())
    return message  # type: ignore[no-any-return]


@given(messages())
def test_what_is_written_is_read_back(message: Message) -> None:
    present, value = read_first(WRITER.dump(message))
    again = Everything()

    assert present
    assert STRICT.read(value, again, "") == []
    assert again == message


@given(messages())
def test_what_is_written_is_what_json_format_reads(message: Message) -> None:
    assert json_format.Parse(WRITER.dump(message), Everything()) == message


@given(JSON)
def test_no_json_breaks_the_reader_and_what_it_takes_the_server_can_parse(value: Any) -> None:
    for field in (
        "structure",
        "anything",
        "elements",
        "inner",
        "labels",
        "int32_list",
        "timestamp",
        "colour",
        "bytes_value",
    ):
        message = Everything()
        if not STRICT.read({field: value}, message, ""):
            assert Everything.FromString(message.SerializeToString()) == message


@settings(max_examples=30)
@given(st.integers(1, 120), st.sampled_from(["structure", "elements", "anything", "inner"]), st.booleans())
def test_nesting_is_taken_as_deep_as_the_server_can_parse(depth: int, field: str, lists: bool) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    if field == "inner":
        value = {}
        for _ in range(depth):
            value = {"inner": value}
    elif field == "structure":
        value = {"a": value}
    elif field == "elements":
        value = [value]
    message = Everything()

    violations = STRICT.read({field: value}, message, "")

    if violations:
        assert violations[0].description == "nested too deep"
        # The deepest way to nest takes three messages a level.
        assert depth > 32
    else:
        Everything.FromString(message.SerializeToString())


def test_unset_fields_are_printed_as_the_official_gateway_prints_them() -> None:
    printed: Any = WRITER.to_json(Everything())

    assert printed["inner"] is None
    assert printed["inners"] == []
    assert printed["labels"] == {}
    assert printed["int64_value"] == "0"
    assert printed["double_value"] == 0
    assert printed["colour"] == "NONE"
    assert not {"left", "right", "maybe"} & printed.keys()
    assert WRITER.to_json(Everything(maybe=0, left=""))["left"] == ""  # type: ignore[index, call-overload]


def test_numbers_are_printed_as_go_prints_them() -> None:
    message = Everything(double_value=3, float_value=0.1, double_list=[1e21, -0.0, math.inf, math.nan, 0.5])
    printed: Any = json.loads(WRITER.dump(message))

    assert b'"double_value":3,' in WRITER.dump(message)
    assert printed["float_value"] == 0.1
    assert printed["double_list"][0] == 1e21
    assert printed["double_list"][2:4] == ["Infinity", "NaN"]


def test_json_names_are_lower_camel_case() -> None:
    printed = JsonWriter(proto_field_names=False).to_json(Everything(int32_value=1))

    assert printed["int32Value"] == 1  # type: ignore[index, call-overload]


def test_all_violations_are_named_with_their_paths() -> None:
    body = {
        "string_valu": 1,
        "int32_value": "x",
        "inner": {"inners": [{}, {"bool_value": 1}]},
        "labels": {"a": 1},
        "int32_list": [1, None],
        "timestamp": "now",
    }

    assert wrong(body) == [
        "string_valu",
        "int32_value",
        "inner.inners[1].bool_value",
        "labels[a]",
        "int32_list[1]",
        "timestamp",
    ]


def test_a_misspelt_field_is_told_its_name() -> None:
    assert (
        STRICT.read({"int32_valeu": 1}, Everything(), "task")[0].description
        == "unknown field; did you mean int32_value?"
    )


def test_unknown_fields_and_enum_names_are_skipped_where_they_are_ignored() -> None:
    assert wrong({"nothing_such": {"x": [1]}, "colour": "BLUE", "inner": {"y": 1}}, LENIENT) == []
    assert wrong({"int32_value": "x"}, LENIENT) == ["int32_value"]


def test_only_so_many_violations_are_named() -> None:
    assert len(wrong({f"x{number}": 1 for number in range(1000)})) == MAX_VIOLATIONS


@pytest.mark.parametrize("field", ["left", "right"])
def test_null_does_not_choose_a_member_of_a_oneof(field: str) -> None:
    assert wrong({field: None, "left": "x"}) == []


@pytest.mark.parametrize(
    "text", [b"{", b"nope", b"'x'", b"[1,]", b"{1:2}", b"NaN", b"\xff", b"[" * 100_000, b"1" * 5000, b'"\x01"']
)
def test_what_is_not_json_is_a_syntax_error(text: bytes) -> None:
    with pytest.raises(JsonSyntaxError):
        read_first(text)


@pytest.mark.parametrize("text", [b"", b" ", b"\r\n\t"])
def test_nothing_is_not_a_value(text: bytes) -> None:
    assert read_first(text) == (False, None)


def test_only_the_first_value_is_read() -> None:
    assert read_first(b' {"a":1} rest \xff') == (True, {"a": 1})


def test_bytes_that_are_no_utf8_are_refused_where_they_stand() -> None:
    _, value = read_first(b'{"string_value":"\xff","labels":{"\xff":"x"},"structure":{"a":"\xff"}}')

    assert wrong(value) == ["string_value", "labels[?]", "structure"]


def test_a_value_without_a_kind_is_null() -> None:
    assert WRITER.to_json(struct_pb2.Value()) is None
