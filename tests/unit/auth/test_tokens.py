"""Tokens: what proves a caller, what does not, and how long an answer is believed."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest

from task_server.auth.authenticator import Proof
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.auth.tokens import Tokens, _hash, token_id
from task_server.domain.errors import DatabaseUnavailable, InvalidCredentials
from task_server.domain.owner import DEFAULT_GRANTS, CallerKind, Grant, Owner, Role
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
                    secret_hash=_hash(KEY, secret),
                    owner=ANN,
                    role=Role.EDITOR,
                    created_at=database.now(),
                    **times,
                )
            )
        return f"tsk_{'0' * 16}_{secret}"

    return store


def prove(tokens: Tokens, key: str) -> Proof:
    return tokens.prove(Credentials(key))


def test_a_token_proves_whom_it_was_made_for(tokens: Tokens) -> None:
    key = tokens.create(ANN, Role.ADMIN)
    caller = prove(tokens, key).caller
    assert (caller.owner, caller.role, caller.kind) == (ANN, Role.ADMIN, CallerKind.TOKEN)
    assert caller.token_id == token_id(key) == key.split("_")[1]


@pytest.mark.parametrize("role", Role)
def test_a_token_has_the_grants_of_its_role_or_those_it_was_given(tokens: Tokens, role: Role) -> None:
    assert prove(tokens, tokens.create(ANN, role)).caller.grants == DEFAULT_GRANTS[role]
    for given in (frozenset[Grant](), frozenset(Grant), frozenset({Grant.REGISTER_FOR_OTHERS})):
        assert prove(tokens, tokens.create(ANN, role, grants=given)).caller.grants == given


def test_a_key_is_a_token_by_its_looks(tokens: Tokens) -> None:
    assert tokens.takes(Credentials("tsk_x"))
    assert not tokens.takes(Credentials("eyJ.a.b"))
    assert not tokens.takes(Credentials())


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
        prove(tokens, spoil(key))
    assert caught.value.message == REFUSAL
    prove(tokens, key)


def test_a_token_works_until_it_expires(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        prove(tokens, store(expires_at=database.now()))


def test_a_token_that_expires_later_works(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    assert prove(tokens, store(expires_at=database.now() + 60_000_000)).caller.owner == ANN


def test_a_revoked_token_does_not_work(store: Callable[..., str], tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        prove(tokens, store(revoked_at=database.now()))


def test_a_token_of_another_secret_key_does_not_work(tokens: Tokens, database: Database) -> None:
    with pytest.raises(InvalidCredentials):
        prove(Tokens(database, b"o" * 32), tokens.create(ANN, Role.ADMIN))


def test_without_the_database_nobody_is_proved(tokens: Tokens, database: Database) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    database.close()
    for file in database.path.parent.iterdir():
        file.unlink()
    database.path.mkdir()
    with pytest.raises(DatabaseUnavailable):
        prove(tokens, key)


@pytest.mark.parametrize("seconds", [0.5, 60.0])
def test_a_proof_lasts_no_longer_than_the_token(
    store: Callable[..., str], tokens: Tokens, database: Database, seconds: float
) -> None:
    proof = prove(tokens, store(expires_at=database.now() + int(seconds * 1_000_000)))
    assert seconds - 0.4 < proof.seconds <= seconds


def test_a_token_of_a_former_key_works_and_is_hashed_anew(tokens: Tokens, database: Database) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    new = b"n" * 32
    assert prove(Tokens(database, new, [b"o" * 32, KEY]), key).caller.owner == ANN
    # Now the former key may go.
    assert prove(Tokens(database, new), key).caller.owner == ANN
    with pytest.raises(InvalidCredentials):
        prove(tokens, key)


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_id_costs_the_same_hashes_as_a_known_one(
    tokens: Tokens, database: Database, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    key = tokens.create(ANN, Role.EDITOR)
    tokens = Tokens(database, KEY, [b"o" * 32])
    compared: list[int] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(len(one)) or compare(one, other))
    with pytest.raises(InvalidCredentials):
        prove(tokens, _changed(key, -1 + len(key)) if known else _changed(key, 4))
    assert compared == [64, 64]
