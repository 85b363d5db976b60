from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_manager.readable import fitting, readable, text
from task_manager.values import to_value


class Color(Enum):
    RED = "red"


class Secretive:
    def __repr__(self) -> str:
        return "password=hunter2"


class Hostile(dict[str, Any]):
    def items(self) -> Any:
        raise SystemError("no")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (datetime(2026, 1, 31, 8, tzinfo=UTC), "2026-01-31T08:00:00+00:00"),
        (date(2026, 1, 31), "2026-01-31"),
        (timedelta(hours=1), "1:00:00"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Color.RED, "red"),
        ((1, {2: {3}}), [1, {"2": [3]}]),
        ({None: 1, 1.5: 2, UUID(int=1): 3}, {"null": 1, "1.5": 2, "00000000-0000-0000-0000-000000000001": 3}),
        (2**60, "1152921504606846976"),
        (float("nan"), "nan"),
        (b"text", "text"),
        (b"\xff\x00", "base64:/wA="),
        ("half \ud800 pair", "half \\ud800 pair"),
        ("nul \0", "nul \\x00"),
        (ValueError("so"), "ValueError: so"),
        (list(range(50_001)), "<builtins.list: 50,001 items>"),
    ],
)
def test_what_json_can_not_say_is_said_in_text(value: object, told: object) -> None:
    assert readable(value) == told


def test_of_an_object_only_its_type_is_told() -> None:
    assert readable([Secretive()]) == [f"<{__name__}.Secretive>"]


def test_nothing_raises() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "nested too deep" in json.dumps(readable(loop))
    assert readable(Hostile(a=1)) == f"<{__name__}.Hostile: SystemError>"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner) | st.tuples(inner),
)


@given(anything)
def test_whatever_it_is_the_client_can_send_it(value: object) -> None:
    to_value(readable(value)).SerializeToString()


@given(st.lists(st.text()) | st.dictionaries(st.text(), st.text()), st.integers(60, 300))
def test_what_is_left_fits(value: Any, most: int) -> None:
    kept = fitting(value, most)
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= most
    if len(json.dumps(value, ensure_ascii=False).encode()) <= most:
        assert kept == value


def test_the_largest_is_left_out_and_the_place_says_so() -> None:
    assert fitting({"a": 1, "b": "x" * 100, "c": "y" * 50}, 100) == {"a": 1, "b": "<102 bytes left out>", "c": "y" * 50}
    assert fitting(["x" * 100] * 3, 60) == ["<312 bytes left out>"]
    assert fitting("x" * 100, 60) == "<102 bytes left out>"


def test_text_is_text() -> None:
    assert (text(None), text("a\ud800"), text(ValueError("so")), text(["x"])) == (
        "",
        "a\\ud800",
        "ValueError: so",
        '["x"]',
    )
