"""Signed tokens: what comes back is what was signed, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.auth.signing import Signer

SIGNER = Signer(b"k" * 32, "page")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_signed_comes_back(text: str) -> None:
    token = SIGNER.sign(text)
    assert SIGNER.verify(token) == text
    assert token.isascii()
    assert not set(token) & set("+/= \n")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.data())
def test_no_other_text_passes(text: str, data: st.DataObject) -> None:
    token = SIGNER.sign(text)
    index = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from("ABCXYZabcxyz0189-_"))
    # A changed last character may stand for the same bytes, and then proves nothing else.
    assert SIGNER.verify(token[:index] + character + token[index + 1 :]) in (text, None)
    assert SIGNER.verify(token + character) in (text, None)
    assert SIGNER.verify(token[:index]) is None


@given(st.text(max_size=60))
def test_what_nobody_signed_is_refused(token: str) -> None:
    assert SIGNER.verify(token) is None


@pytest.mark.parametrize("token", ["", "=", "a", "AAAA", "\0", "世界", "A" * 16, "A" * 100_000])
def test_odd_tokens_are_refused(token: str) -> None:
    assert SIGNER.verify(token) is None


def test_a_token_is_good_for_its_purpose_and_its_key_only() -> None:
    token = SIGNER.sign("0.5")
    assert Signer(b"k" * 32, "watch").verify(token) is None
    assert Signer(b"o" * 32, "page").verify(token) is None
    assert Signer(b"k" * 32, "page").verify(token) == "0.5"


def test_what_a_former_key_signed_passes_as_long_as_it_is_there() -> None:
    old = Signer(b"k" * 32, "page").sign("x")
    new = Signer(b"n" * 32, "page", [b"o" * 32, b"k" * 32])
    assert new.verify(old) == new.verify(new.sign("x")) == "x"
    assert Signer(b"n" * 32, "page").verify(new.sign("x")) == "x"
    assert Signer(b"k" * 32, "page").verify(new.sign("x")) is None
    assert Signer(b"n" * 32, "page", [b"o" * 32]).verify(old) is None
