from __future__ import annotations

import json
import time
from collections import namedtuple
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_manager.redaction import REDACTED, WORDS, Redaction
from task_manager.values import to_list, to_struct

SECRET = "hunter2-hunter2"
RULE = Redaction(["iban"])

innocent_names = st.text("abefghil", min_size=1, max_size=6)
secret_names = st.builds(
    lambda word, before, after, shape: shape(before + word + after),
    st.sampled_from([*WORDS, "iban"]),
    st.sampled_from(["", "db_", "X-", "my"]),
    st.sampled_from(["", "s", "_value", "Hash"]),
    st.sampled_from(
        [str, str.upper, str.title, lambda name: name.replace("_", "-"), lambda name: name.replace("_", "")]
    ),
)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("abc ?!é😀\n", max_size=30)
plain = st.recursive(
    leaves, lambda each: st.lists(each, max_size=3) | st.dictionaries(innocent_names, each, max_size=3), max_leaves=8
)
#: A secret, by its name, somewhere in something.
hidden = st.recursive(
    st.builds(lambda name: {name: SECRET}, secret_names)
    | st.builds(lambda name, inner: {name: [{"x": SECRET}, inner]}, secret_names, plain)
    | st.builds(lambda name: [name, SECRET], secret_names)
    | st.builds(
        lambda name, sign: f"see {name}{sign}{SECRET} there", secret_names, st.sampled_from(["=", ": ", '": "', " = '"])
    )
    | st.builds(lambda name: f"redis://{name}:{SECRET}@host/0", innocent_names | st.just("")),
    lambda each: (
        st.builds(lambda name, value, other: {name: value, "other": other}, innocent_names, each, plain)
        | st.builds(lambda value, other: [other, value, other], each, plain)
    ),
    max_leaves=3,
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves
    | st.floats()
    | st.binary(max_size=50)
    | st.integers()
    | st.text(max_size=300)
    | st.datetimes()
    | st.decimals()
    | st.uuids()
    | st.builds(object)
    | st.frozensets(st.integers(), max_size=5),
    lambda each: (
        st.lists(each, max_size=6)
        | st.tuples(each, each)
        | st.dictionaries(st.text(max_size=10) | st.integers() | st.none(), each, max_size=6)
    ),
    max_leaves=30,
)


@given(value=hidden)
def test_a_secret_with_a_name_is_told_nowhere(value: Any) -> None:
    args, kwargs = RULE.arguments([value], {"value": value})
    told = json.dumps([args, kwargs, RULE.value(value)], ensure_ascii=False)
    assert SECRET not in told and told.count(REDACTED) >= 3


@given(name=secret_names, value=anything)
def test_an_argument_with_the_name_of_a_secret_is_not_looked_at(name: str, value: Any) -> None:
    args, kwargs = RULE.arguments([1, value], {name: value}, ["a", name])
    assert (args, list(kwargs.values())) == ([1, REDACTED], [REDACTED])


@given(args=st.lists(plain, max_size=3), kwargs=st.dictionaries(innocent_names, plain, max_size=3))
def test_what_is_small_and_innocent_is_told_as_it_is(args: list[Any], kwargs: dict[str, Any]) -> None:
    assert RULE.arguments(args, kwargs) == (args, kwargs)
    assert [RULE.value(each) for each in args] == args


@given(args=st.lists(anything, max_size=6), kwargs=st.dictionaries(st.text(max_size=10), anything, max_size=6))
def test_whatever_it_is_it_can_be_sent_and_is_bounded(args: list[Any], kwargs: dict[str, Any]) -> None:
    told_args, told_kwargs = Redaction(most_argument_bytes=100, most_bytes=400).arguments(args, kwargs)
    to_list(told_args)
    to_struct(told_kwargs)
    told = json.dumps([told_args, told_kwargs], ensure_ascii=False, allow_nan=False).encode()
    # A mark at each level of what was cut, beyond the bound.
    assert len(told) < 400 + 12 * 16 * 40


@given(text=st.text(max_size=200))
def test_a_text_is_cut_to_its_bound_and_says_so(text: str) -> None:
    ((told,), _) = Redaction(most_argument_bytes=40).arguments([text], {})
    assert len(json.dumps(told, ensure_ascii=False).encode()) <= 40 + len(f"[cut: {len(text):,} characters]")


def test_what_is_cut_says_how_much_there_was() -> None:
    rule = Redaction(most_argument_bytes=100, most_bytes=300)
    assert rule.arguments(["x" * 5_000], {})[0] == ["x" * 98 + "[cut: 5,000 characters]"]
    (told,), _ = rule.arguments([list(range(1_000))], {})
    assert told[:5] == [0, 1, 2, 3, 4] and told[-1] == "[cut: 995 more]"
    _, told_kwargs = rule.arguments([], {f"k{n}": "x" * 90 for n in range(9)})
    assert told_kwargs["[cut]"] == "5 more" and len(told_kwargs) == 5
    assert rule.arguments([b"x" * 1_000], {})[0] == ["[cut: 1,000 bytes]"]


def test_a_secret_that_a_cut_goes_through_is_not_told_in_part() -> None:
    for length in range(60, 110):
        text = "x" * length + f" redis://u:{SECRET * 3}@h and token={SECRET * 3} " + "y" * 10_000
        ((told,), _) = Redaction(most_argument_bytes=100).arguments([text], {})
        assert "hunt" not in told


def test_what_is_nested_without_end_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "[cut: nested too deep]" in json.dumps(RULE.arguments([loop], {})[0])


Login = namedtuple("Login", ["user", "password"])


class Trap(Mapping[str, str]):
    """Raises what it likes."""

    def __getitem__(self, key: str) -> str:
        raise ZeroDivisionError(SECRET)

    def __iter__(self) -> Iterator[str]:
        return iter(["x"])

    def __len__(self) -> int:
        return 1


class Holder:
    def __repr__(self) -> str:
        return SECRET


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Login("me", SECRET), {"user": "me", "password": REDACTED}),
        (Trap(), "<Trap: ZeroDivisionError>"),
        (Holder(), f"<{__name__}.Holder>"),
        ({1: 2, None: 3}, {"1": 2, "null": 3}),
        ({"a"}, ["a"]),
        (2**60, str(2**60)),
        (float("nan"), "nan"),
        (Decimal("1.10"), "1.10"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ("a\0b\ud800", "a\\x00b\\ud800"),
        (ValueError(f"token={SECRET}"), f"ValueError: token={REDACTED}"),
        ({"tokens": None}, {"tokens": REDACTED}),
        ("key:token:value next", f"key:token:{REDACTED} next"),
        (f'{{"Authorization": "Bearer {SECRET}", "a": 1}}', f'{{"Authorization": "Bearer {REDACTED}", "a": 1}}'),
        (f"https://h/?a=1&access_token={SECRET}&b=2", f"https://h/?a=1&access_token={REDACTED}&b=2"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        (f"https://{SECRET}@host/a", f"https://{REDACTED}@host/a"),
        (f"authorization: Digest {SECRET}", f"authorization: Digest {REDACTED}"),
        (f"{{'password': b'{SECRET}', 'n': 1}}", f"{{'password': b'{REDACTED}', 'n': 1}}"),
        (f'{{"password": "a\\"{SECRET}", "n": 1}}', f'{{"password": "{REDACTED}", "n": 1}}'),
        (f'"{{\\"password\\": \\"{SECRET}\\", \\"n\\": 1}}"', f'"{{\\"password\\": \\"{REDACTED}\\", \\"n\\": 1}}"'),
        (
            {"DB_PASS": SECRET, "auth": ("me", SECRET), "author": "me"},
            {"DB_PASS": REDACTED, "auth": REDACTED, "author": "me"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_it_is_told(value: object, told: object) -> None:
    assert RULE.value(value) == told


@pytest.mark.parametrize(
    "text",
    ["a:" + "b" * 9_000, "word: " * 1_500, "://u:" * 1_500, "=:" * 4_500, "token=" * 1_500, "'\"" * 4_000 + "pwd="],
    ids=range(6),
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    RULE.value(text)
    assert time.process_time() - began < 0.1
