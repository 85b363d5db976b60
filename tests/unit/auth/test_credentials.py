"""Exactly one Bearer value, or a certificate."""

from __future__ import annotations

import pytest

from task_server.auth.credentials import Credentials
from task_server.domain.errors import InvalidCredentials


@pytest.mark.parametrize("value", ["Bearer k", "bearer k", "BEARER  k "])
def test_the_scheme_may_be_written_in_any_case(value: str) -> None:
    assert Credentials.of([value]).bearer == "k"


@pytest.mark.parametrize("values", [["k"], ["Basic k"], ["Bearer"], ["Bearerk"], ["Bearer a", "Bearer b"], [""]])
def test_anything_but_one_bearer_value_is_refused_whatever_certificate_comes_with_it(values: list[str]) -> None:
    for certificate in (b"", b"PEM"):
        with pytest.raises(InvalidCredentials, match="authorization: Bearer"):
            Credentials.of(values, certificate)


def test_a_certificate_may_come_alone() -> None:
    assert Credentials.of([], b"PEM") == Credentials("", b"PEM")


def test_their_text_has_no_secret() -> None:
    assert repr(Credentials("hunter2", b"hunter2")) == "Credentials()"
