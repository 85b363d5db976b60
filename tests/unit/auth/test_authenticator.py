"""Several ways in, and how long their answers are believed."""

from __future__ import annotations

import time

import pytest

from task_server.auth import authenticator as module
from task_server.auth.authenticator import TRUST_SECONDS, Authenticator, Proof
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller, Owner, Role


class Way:
    """Takes what begins with its word, and proves whom it was told to."""

    def __init__(self, word: str, seconds: float = 60.0) -> None:
        self.word = word
        self.seconds = seconds
        self.asked = 0
        self.refuses = False

    def takes(self, credentials: Credentials) -> bool:
        return credentials.bearer.startswith(self.word)

    def prove(self, credentials: Credentials) -> Proof:
        self.asked += 1
        if self.refuses:
            raise InvalidCredentials(REFUSAL)
        return Proof(Caller(Owner(self.word, self.word), Role.EDITOR, credentials.bearer), self.seconds)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def ignore(caller: Caller) -> None:
    """For tests that do not care who came."""


def test_the_first_way_that_takes_them_decides_alone() -> None:
    first, second, other = Way("a"), Way("a"), Way("b")
    both = Authenticator([first, second, other], ignore)
    assert both.authenticate(Credentials("a1")).owner.id == "a"
    assert both.authenticate(Credentials("b1")).owner.id == "b"
    first.refuses = True
    with pytest.raises(InvalidCredentials):
        both.authenticate(Credentials("a2"))
    assert (first.asked, second.asked, other.asked) == (2, 0, 1)


@pytest.mark.parametrize("credentials", [Credentials(), Credentials("x"), Credentials("", b"PEM")])
def test_what_no_way_takes_is_refused(credentials: Credentials) -> None:
    with pytest.raises(InvalidCredentials) as caught:
        Authenticator([Way("a")], ignore).authenticate(credentials)
    assert caught.value.message == REFUSAL


def test_they_are_believed_for_three_seconds_and_no_longer(clock: Clock) -> None:
    authenticator = Authenticator([Way("a")], ignore)
    assert authenticator.trusted(Credentials("a")) is None
    caller = authenticator.authenticate(Credentials("a"))
    clock.now += TRUST_SECONDS - 0.01
    assert authenticator.trusted(Credentials("a")) == caller
    for other in (Credentials("a1"), Credentials("a", b"PEM"), Credentials()):
        assert authenticator.trusted(other) is None
    clock.now += 0.01
    assert authenticator.trusted(Credentials("a")) is None


def test_they_are_not_believed_longer_than_they_last(clock: Clock) -> None:
    authenticator = Authenticator([Way("a", seconds=0.5)], ignore)
    authenticator.authenticate(Credentials("a"))
    clock.now += 0.49
    assert authenticator.trusted(Credentials("a")) is not None
    clock.now += 0.01
    assert authenticator.trusted(Credentials("a")) is None


def test_the_time_counts_from_before_the_database_was_asked(clock: Clock) -> None:
    class Slow(Way):
        def prove(self, credentials: Credentials) -> Proof:
            clock.now += 10
            return super().prove(credentials)

    authenticator = Authenticator([Slow("a")], ignore)
    authenticator.authenticate(Credentials("a"))
    assert authenticator.trusted(Credentials("a")) is None


def test_a_refusal_is_not_kept() -> None:
    way = Way("a")
    authenticator = Authenticator([way], ignore)
    way.refuses = True
    with pytest.raises(InvalidCredentials):
        authenticator.authenticate(Credentials("a"))
    assert authenticator.trusted(Credentials("a")) is None
    way.refuses = False
    assert authenticator.authenticate(Credentials("a"))


def test_a_token_that_is_forgotten_is_asked_for_again_and_others_are_not() -> None:
    authenticator = Authenticator([Way("a")], ignore)
    for bearer in ("a1", "a2"):
        authenticator.authenticate(Credentials(bearer))
    authenticator.forget("a1")
    assert authenticator.trusted(Credentials("a1")) is None
    assert authenticator.trusted(Credentials("a2")) is not None


def test_the_memory_does_not_grow_without_end_and_holds_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHE_LIMIT", 3)
    authenticator = Authenticator([Way("a")], ignore)
    for number in range(5):
        authenticator.authenticate(Credentials(f"a{number}"))
        assert authenticator.trusted(Credentials(f"a{number}")) is not None
    assert len(authenticator._trusted) <= 3
    assert not any(b"a4" in key for key in authenticator._trusted)


def test_every_use_is_noted() -> None:
    seen: list[str] = []
    authenticator = Authenticator([Way("a")], lambda caller: seen.append(caller.token_id))
    authenticator.authenticate(Credentials("a1"))
    authenticator.trusted(Credentials("a1"))
    authenticator.trusted(Credentials("a2"))
    assert seen == ["a1", "a1"]
