"""Tokens: what proves a caller, what does not, and how long an answer is believed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from task_server.auth import tokens as tokens_module
from task_server.auth.tokens import Tokens, bearer
from task_server.domain.errors import DatabaseUnavailable, InvalidCredentials
from task_server.domain.owner import Owner, Role
from task_server.store import tokens as rows
from task_server.store.database import Database

KEY = b"k" * 32
ANN = Owner("ann", "Ann")


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database, KEY)


@pytest.fixture
def store(database: Database, tokens: Tokens) -> Callable[..., str]:
    """Stores a token with given times, and returns its key."""

    def store(**times: int) -> str:
        secret = "5" * 64
        with database.write():
            rows.insert(
                rows.StoredToken(
                    id="0" * 16,
                    secret_hash=tokens._hash(secret),
                    owner=ANN,
                    role=Role.EDITOR,
                    created_at=database.now(),
                    **times,
                )
            )
        return f"tsk_{'0' * 16}_{secret}"

    return store


def test_a_token_proves_whom_it_was_made_for(tokens: Tokens) -> None:
    key = tokens.create(ANN, Role.ADMIN)
    caller = tokens.authenticate(key)
    assert (caller.owner, caller.role) == (ANN, Role.ADMIN)
    assert caller.token_id == key.split("_")[1]


def test_the_database_holds_no_secret(tokens: Tokens, database: Database) -> None:
    secret = tokens.create(ANN, Role.ADMIN).split("_")[2]
    database.close()
    for file in database.path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_whether_there_are_tokens_is_known(tokens: Tokens) -> None:
    assert not tokens.exist()
    tokens.create(ANN, Role.EDITOR)
    assert tokens.exist()


def _changed(key: str, index: int) -> str:
    return key[:index] + ("0" if key[index] != "0" else "1") + key[index + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: "tsk_",
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key.upper(),
        lambda key: key.replace("tsk", "tok"),
        lambda key: key.replace("_", "-"),
        lambda key: _changed(key, 4),  # unknown id
        lambda key: _changed(key, -1 + len(key)),  # wrong secret
        lambda key: f"tsk_{key.split('_')[1]}_{'0' * 64}",
        lambda key: f"tsk_{'f' * 16}_{key.split('_')[2]}",
        lambda key: "x" * 10_000,
        lambda key: "tsk_世界",
    ],
)
def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(tokens: Tokens, spoil: Callable[[str], str]) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    with pytest.raises(InvalidCredentials) as caught:
        tokens.authenticate(spoil(key))
    assert caught.value.message == tokens_module._REFUSAL
    assert tokens.trusted(spoil(key)) is None
    tokens.authenticate(key)


def test_a_token_works_until_it_expires(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        tokens.authenticate(store(expires_at=database.now()))


def test_a_token_that_expires_later_works(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    assert tokens.authenticate(store(expires_at=database.now() + 60_000_000)).owner == ANN


def test_a_revoked_token_does_not_work(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        tokens.authenticate(store(revoked_at=database.now()))


def test_a_token_of_another_secret_key_does_not_work(tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        Tokens(database, b"o" * 32).authenticate(tokens.create(ANN, Role.ADMIN))


def test_a_key_is_believed_for_five_seconds_and_no_longer(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    assert tokens.trusted(key) is None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    caller = tokens.authenticate(key)
    monkeypatch.setattr(time, "monotonic", lambda: now + 4.99)
    assert tokens.trusted(key) == caller
    assert tokens.trusted(_changed(key, 30)) is None
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.0)
    assert tokens.trusted(key) is None


def test_the_cache_does_not_grow_without_end(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_CACHE_LIMIT", 3)
    keys = [tokens.create(ANN, Role.EDITOR) for _ in range(5)]
    for key in keys:
        tokens.authenticate(key)
        assert tokens.trusted(key) is not None
    assert len(tokens._trusted) <= 3


def test_without_the_database_nobody_is_proved(tokens: Tokens, database: Database) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    database.close()
    for file in database.path.parent.iterdir():
        file.unlink()
    database.path.mkdir()
    with pytest.raises(DatabaseUnavailable):
        tokens.authenticate(key)


@pytest.mark.parametrize("value", ["Bearer k", "bearer k", "BEARER  k "])
def test_the_scheme_may_be_written_in_any_case(value: str) -> None:
    assert bearer([value]) == "k"


@pytest.mark.parametrize("values", [[], ["k"], ["Basic k"], ["Bearer"], ["Bearerk"], ["Bearer a", "Bearer b"], [""]])
def test_anything_but_one_bearer_value_is_refused(values: list[str]) -> None:
    with pytest.raises(InvalidCredentials, match="authorization: Bearer"):
        bearer(values)
