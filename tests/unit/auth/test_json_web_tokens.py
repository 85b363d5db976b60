"""JSON Web Tokens: whom they mean, and every way of making one that is none of the issuer's."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from issuer_world import (
    AUDIENCE,
    EC,
    ED,
    ISSUER,
    OTHER_RSA,
    RSA,
    KeyServer,
    claims,
    issuer,
    key_servers,
    part,
    public,
    signed,
    token,
)

from task_server.auth import json_web_tokens, key_source
from task_server.auth.authenticator import Authenticator
from task_server.auth.claims import MalformedError, is_plain
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.auth.json_web_tokens import JsonWebTokens
from task_server.auth.key_set import KeySet
from task_server.auth.key_source import UrlKeys
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import DEFAULT_GRANTS, CallerKind, Grant, Role

keys = pytest.fixture(key_servers, name="keys")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [public(RSA, "rsa"), public(EC, "ec"), public(ED, "ed")]}))
    return file


@pytest.fixture
def tokens(file: Path) -> JsonWebTokens:
    return JsonWebTokens([issuer(jwks_file=str(file))])


def refused(tokens: JsonWebTokens, text: str) -> None:
    credentials = Credentials(text)
    with pytest.raises(InvalidCredentials) as refusal:
        if not tokens.takes(credentials):
            # No way in: what Authenticator says then.
            raise InvalidCredentials(REFUSAL)
        tokens.prove(credentials)
    assert str(refusal.value) == REFUSAL


@pytest.mark.parametrize(
    ("key", "algorithm", "key_id"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")]
)
def test_a_token_means_its_user_until_it_expires(tokens: JsonWebTokens, key: Any, algorithm: str, key_id: str) -> None:
    caller, seconds = tokens.prove(Credentials(token(key, algorithm, key_id)))
    assert (caller.owner.id, caller.owner.username) == ("example:li", "Li Hua")
    assert (caller.role, caller.kind, caller.token_id) == (Role.EDITOR, CallerKind.JWT, "jwt:example:li")
    assert caller.grants == DEFAULT_GRANTS[Role.EDITOR]
    assert 295 < seconds <= 300


def test_roles_and_grants_are_the_operators(file: Path) -> None:
    tokens = JsonWebTokens(
        [
            issuer(
                jwks_file=str(file),
                role_claim=("realm_access", "roles"),
                grants={"tasks-admin": frozenset({Grant.CREATE_API})},
                user_id_claim=("email",),
            )
        ]
    )
    text = token(
        realm_access={"roles": ["tasks-viewer", "tasks-admin"]}, email="li@example.com", preferred_username=...
    )
    caller = tokens.prove(Credentials(text)).caller
    assert (caller.role, caller.grants) == (Role.ADMIN, {Grant.CREATE_API})
    assert (caller.owner.id, caller.owner.username) == ("example:li@example.com", "example:li@example.com")
    refused(tokens, token(email="li@example.com"))  # the role stands elsewhere
    anybody = JsonWebTokens([issuer(jwks_file=str(file), default_role=Role.VIEWER)])
    assert anybody.prove(Credentials(token(roles=...))).caller.role is Role.VIEWER
    assert anybody.prove(Credentials(token(roles="tasks-admin"))).caller.role is Role.ADMIN


def now() -> int:
    return int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://id.example.com"},
        {"iss": "https://evil.example.com/"},
        {"iss": ...},
        {"iss": [ISSUER]},
        {"iss": {ISSUER: 1}},
        {"aud": "other"},
        {"aud": ["other", "task-manager2"]},
        {"aud": ...},
        {"aud": []},
        {"aud": {AUDIENCE: 1}},
        {"aud": [1, AUDIENCE]},
        {"exp": ...},
        {"exp": None},
        {"exp": lambda: now() - 1},
        {"exp": True},
        {"exp": lambda: str(now() + 300)},
        {"exp": -1},
        {"exp": 2**70},
        {"exp": 10**400},
        {"exp": lambda: [now() + 300]},
        {"iat": ...},
        {"iat": lambda: now() + 120},
        {"iat": lambda: now() - 90_000},
        {"iat": "now"},
        {"nbf": lambda: now() + 120},
        {"nbf": "0"},
        {"sub": 7},
        {"sub": None},
        {"sub": ...},
        {"sub": ""},
        {"sub": ["li"]},
        {"sub": "li\0admin"},
        {"sub": "li\nadmin"},
        {"sub": "li\u200badmin"},
        {"sub": "li\u202eadmin"},
        {"sub": "\ud800"},
        {"sub": "x" * 201},
        {"sub": " " * 3 + "\u3000"},
        {"roles": ...},
        {"roles": ["unknown"]},
        {"roles": [["tasks-admin"]]},
        {"roles": {"tasks-admin": True}},
        {"roles": "tasks-admin tasks-editor"},
    ],
    ids=count(),
)
def test_claims_that_are_refused(tokens: JsonWebTokens, changes: dict[str, Any]) -> None:
    # What counts from now is made now: the whole suite takes longer than a token lasts.
    refused(tokens, token(**{name: value() if callable(value) else value for name, value in changes.items()}))


def test_the_clock_skew_is_for_what_is_to_come_only(tokens: JsonWebTokens) -> None:
    assert tokens.prove(Credentials(token(iat=now() + 20, nbf=now() + 20)))
    refused(tokens, token(exp=now()))


def forge(header: dict[str, Any], payload: dict[str, Any] | None = None, signature: bytes = b"") -> str:
    return ".".join(
        [
            part(json.dumps(header).encode()),
            part(json.dumps(payload or claims(roles="tasks-admin")).encode()),
            part(signature),
        ]
    )


def public_pem() -> bytes:
    return RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hmac_with(secret: bytes) -> str:
    unsigned = forge({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).rpartition(".")[0]
    return f"{unsigned}.{part(hmac.new(secret, unsigned.encode(), hashlib.sha256).digest())}"


@cache
def good() -> str:
    """A token that is let in, made when the first test asks for it: the whole suite takes longer than it lasts."""
    return token()


def stolen() -> dict[str, str]:
    """The parts of a good one."""
    return dict(zip(("header", "payload", "signature"), good().split("."), strict=True))


@pytest.mark.parametrize(
    "make",
    [
        *(
            partial(forge, {"alg": name, "kid": "rsa"})
            for name in ("none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS1", "RS256 ")
        ),
        lambda: forge({"kid": "rsa"}),
        lambda: forge({"alg": None, "kid": "rsa"}),
        lambda: forge({"alg": ["none"], "kid": "rsa"}),
        lambda: hmac_with(public_pem()),
        lambda: hmac_with(public_pem().strip()),
        lambda: hmac_with(json.dumps(public(RSA, "rsa")).encode()),
        lambda: hmac_with(b""),
        lambda: f"{stolen()['header']}.{stolen()['payload']}.",
        lambda: f"{stolen()['header']}.{stolen()['payload']}",
        lambda: f"{stolen()['header']}..{stolen()['signature']}",
        lambda: f".{stolen()['payload']}.{stolen()['signature']}",
        lambda: (
            f"{stolen()['header']}.{part(json.dumps(claims(roles='tasks-admin')).encode())}.{stolen()['signature']}"
        ),
        lambda: good()[:-4] + "AAAA",
        lambda: good() + "=",
        lambda: good() + "\n",
        lambda: good() + ".x",
        lambda: good().replace(".", "..", 1),
        lambda: "ü" + good(),
        lambda: "..",
        lambda: ".".join(["x" * 4000] * 3),
        lambda: token(OTHER_RSA),
        lambda: token(OTHER_RSA, key_id=None),
        lambda: token(key_id="../../../dev/null"),
        lambda: token(key_id="https://evil.example.com/key"),
        lambda: token(key_id="' OR 1=1 --"),
        lambda: token(key_id="rsa\0"),
        lambda: token(key_id="r" * 201),
        lambda: token(key_id="ec"),
        lambda: token(EC, "ES256", "rsa"),
        lambda: token(OTHER_RSA, headers={"jwk": public(OTHER_RSA, "rsa")}),
        lambda: token(OTHER_RSA, headers={"jku": "http://127.0.0.1:1/"}),
        lambda: token(OTHER_RSA, headers={"x5u": "http://127.0.0.1:1/", "x5c": ["MIIB"]}),
        lambda: token(headers={"crit": ["exp"]}),
        lambda: signed(b'{"alg":"RS256","kid":"rsa","b64":true}', json.dumps(claims()).encode()),
        lambda: token(headers={"zip": "DEF"}),
        lambda: token(headers={"typ": "logout+jwt"}),
        lambda: token(headers={"typ": "dpop+jwt"}),
        lambda: signed(b'{"alg": "RS256", "kid": 7}', json.dumps(claims()).encode()),
        lambda: signed(b'{"alg": "none", "alg": "RS256", "kid": "rsa"}', json.dumps(claims()).encode()),
        lambda: signed(
            b'{"alg":"RS256","kid":"rsa"}', b'{"sub": "li", ' + json.dumps(claims(sub="admin")).encode()[1:]
        ),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', json.dumps(claims()).encode() + b"\0"),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', json.dumps(claims() | {"x": float("nan")}).encode()),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', json.dumps(claims()).encode("utf-16")),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', b"[1]"),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', b"[" * 3000),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', b"null"),
        lambda: signed(b"[]", json.dumps(claims()).encode()),
        lambda: signed(b'{"alg":"RS256","kid":"rsa"}', json.dumps(claims() | {"x": "y" * 9000}).encode()),
    ],
    ids=count(),
)
def test_forgeries_and_odd_tokens_are_refused(tokens: JsonWebTokens, make: Callable[[], str]) -> None:
    refused(tokens, make())


def test_what_is_signed_by_hand_is_let_in_where_it_is_right(tokens: JsonWebTokens) -> None:
    """Else the tokens of the test above would be refused for how they are made."""
    assert tokens.prove(Credentials(signed(b'{"alg":"RS256","kid":"rsa"}', json.dumps(claims()).encode())))
    assert tokens.prove(Credentials(token(headers={"typ": "at+jwt"})))


@given(at=st.integers(0, len(token()) - 1), character=st.characters(min_codepoint=33, max_codepoint=126))
def test_a_token_with_another_character_is_another(at: int, character: str) -> None:
    tokens = _TOKENS
    text = good()[:at] + character + good()[at + 1 :]
    if text == good():
        assert tokens.prove(Credentials(text))
    else:
        refused(tokens, text)


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = _PLAIN | st.lists(_PLAIN, max_size=3) | st.dictionaries(st.text(max_size=10), _PLAIN, max_size=3)


@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]), _JSON),
    changes=st.dictionaries(st.sampled_from([*claims(), "nbf", "jti"]), _JSON),
)
def test_whatever_stands_in_it_is_a_caller_or_a_refusal(header: dict[str, Any], changes: dict[str, Any]) -> None:
    """Also where the issuer itself signed it."""
    text = signed(json.dumps({"alg": "RS256", "kid": "rsa"} | header).encode(), json.dumps(claims(**changes)).encode())
    with contextlib.suppress(InvalidCredentials):
        assert is_plain(_TOKENS.prove(Credentials(text)).caller.owner.id)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF), max_size=60))
def test_whatever_it_looks_like_is_refused(text: str) -> None:
    refused(_TOKENS, text)
    refused(_TOKENS, f"{text}.{text}.{text}")


def _memory_tokens() -> JsonWebTokens:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"keys": [public(RSA, "rsa")]}, file)
        file.flush()
        tokens = JsonWebTokens([issuer(jwks_file=file.name)])
    source = next(iter(tokens._issuers.values()))[1]
    source._next_look = float("inf")  # type: ignore[attr-defined]
    return tokens


_TOKENS = _memory_tokens()


@given(st.text(max_size=300))
def test_a_name_that_is_taken_shows_all_that_is_in_it(text: str) -> None:
    if is_plain(text):
        assert text.isprintable() or "\u3000" in text
        assert text.encode()


def test_keys_for_signing_without_a_secret_only(file: Path) -> None:
    secret = {"kty": "oct", "k": part(b"x" * 32), "kid": "rsa", "alg": "HS256"}
    weak = public(rsa.generate_private_key(65537, 1024), "weak")
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA))
    shown = [
        secret,
        weak,
        private | {"kid": "private", "key_ops": ["verify"]},
        public(RSA, "enc", use="enc"),
        public(RSA, "ops", key_ops=["encrypt"]),
    ]
    found = KeySet(json.dumps({"keys": [*shown, public(RSA, "rsa", alg="RS256")]}).encode(), ("RS256", "RS512"))
    assert found.find("rsa", "RS256")
    assert not found.find("rsa", "RS512")
    assert not found.find("enc", "RS256")
    assert not found.find("ops", "RS256")
    taken = found.find("private", "RS256")
    assert taken
    assert not hasattr(taken.key, "private_numbers")
    file.write_text(json.dumps({"keys": [secret, weak, public(RSA, "rsa")]}))
    tokens = JsonWebTokens([issuer(jwks_file=str(file))])
    weak_key = rsa.generate_private_key(65537, 1024)
    file.write_text(json.dumps({"keys": [public(weak_key, "weak")]}))
    weakly = JsonWebTokens([issuer(jwks_file=str(file))])
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        text = token(weak_key, key_id="weak")
    refused(weakly, text)
    refused(tokens, text)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [1, {}]}', b"[" * 50_000]
)
def test_a_set_without_a_key_is_an_error(content: bytes) -> None:
    with pytest.raises(key_source.KeySetError):
        KeySet(content, ("RS256",))


def test_without_a_key_id_the_only_key_is_meant(file: Path) -> None:
    tokens = JsonWebTokens([issuer(jwks_file=str(file))])
    assert tokens.prove(Credentials(token(key_id=None)))
    file.write_text(json.dumps({"keys": [public(RSA, "one"), public(OTHER_RSA, "two")]}))
    refused(JsonWebTokens([issuer(jwks_file=str(file))]), token(key_id=None))


def test_an_issuer_signs_for_itself_alone(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"keys": [public(OTHER_RSA, "rsa")]}))
    theirs = issuer(issuer="https://other.example.com/", jwks_file=str(other), user_id_prefix="")
    tokens = JsonWebTokens([issuer(jwks_file=str(file)), theirs])
    assert tokens.prove(Credentials(token(OTHER_RSA, iss=theirs.issuer))).caller.owner.id == "li"
    refused(tokens, token(OTHER_RSA))
    refused(tokens, token(RSA, iss=theirs.issuer))


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.later = 0.0
        wall, ticks = time.time, time.monotonic
        monkeypatch.setattr(time, "time", lambda: wall() + self.later)
        monkeypatch.setattr(time, "monotonic", lambda: ticks() + self.later)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_authenticator_believes_a_token_to_its_end_and_no_longer(tokens: JsonWebTokens, clock: Clock) -> None:
    authenticator = Authenticator([tokens], lambda _: None)
    credentials = Credentials(token(exp=now() + 2))
    authenticator.authenticate(credentials)
    assert authenticator.trusted(credentials)
    clock.later = 2.0
    assert not authenticator.trusted(credentials)
    with pytest.raises(InvalidCredentials):
        authenticator.authenticate(credentials)


def test_a_signature_is_looked_at_once(tokens: JsonWebTokens, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    looked: list[str] = []
    real = tokens._verify

    def verify(text: str, at: float) -> Any:
        looked.append(text)
        return real(text, at)

    monkeypatch.setattr(tokens, "_verify", verify)
    text = token()
    for _ in range(3):
        tokens.prove(Credentials(text))
    assert len(looked) == 1
    clock.later = 301
    refused(tokens, text)


def test_the_memory_is_bounded(tokens: JsonWebTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_web_tokens, "_CACHE_LIMIT", 3)
    for number in range(10):
        tokens.prove(Credentials(token(ED, "EdDSA", "ed", sub=str(number))))
        assert len(tokens._verified) <= 3


def test_a_key_that_is_taken_away_ends_its_tokens(file: Path, tokens: JsonWebTokens, clock: Clock, caplog: Any) -> None:
    text, other = token(), token(EC, "ES256", "ec")
    assert tokens.prove(Credentials(text))
    file.write_text(json.dumps({"keys": [public(EC, "ec")]}))
    clock.later = 1.0
    refused(tokens, text)
    assert tokens.prove(Credentials(other))
    # What is no set of keys keeps the last one.
    file.write_text("nonsense")
    clock.later = 2.0
    assert tokens.prove(Credentials(other))
    assert "the last ones go on" in caplog.text


def test_no_token_stands_in_a_log(tokens: JsonWebTokens, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        tokens.prove(Credentials(good()))
        refused(tokens, good()[:-4] + "AAAA")
        refused(tokens, token(sub=7))
    assert "a JSON Web Token was refused" in caplog.text
    assert not [part for part in good().split(".") if part in caplog.text]


@pytest.fixture
def made() -> Iterator[Callable[..., JsonWebTokens]]:
    every: list[JsonWebTokens] = []

    def make(keys: KeyServer, **changes: Any) -> JsonWebTokens:
        every.append(JsonWebTokens([issuer(jwks_url=keys.url, **changes)]))
        return every[-1]

    yield make
    for tokens in every:
        source = next(iter(tokens._issuers.values()))[1]
        tokens.close()
        assert isinstance(source, UrlKeys)
        source._thread.join(60)


Make = Callable[..., JsonWebTokens]


def test_keys_come_from_a_url(keys: KeyServer, made: Make) -> None:
    tokens = made(keys)
    # The first one waits for the keys to come.
    assert tokens.prove(Credentials(token())).caller.owner.id == "example:li"
    assert tokens.prove(Credentials(token(EC, "ES256", "ec")))
    assert keys.asked == 1


def test_a_new_key_is_asked_for_when_it_is_named_but_not_more_often(
    keys: KeyServer, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_source, "_UNKNOWN_SECONDS", 0.0)
    tokens = made(keys)
    tokens.prove(Credentials(token()))
    keys.keys = [public(OTHER_RSA, "new")]
    assert tokens.prove(Credentials(token(OTHER_RSA, key_id="new")))
    # The former one is gone with it.
    refused(tokens, token())
    monkeypatch.setattr(key_source, "_UNKNOWN_SECONDS", 3600.0)
    asked = keys.asked
    began = time.monotonic()
    for number in range(200):
        refused(tokens, token(ED, "EdDSA", f"unknown-{number}"))
    assert keys.asked == asked
    # Far less than 2 s for each.
    assert time.monotonic() - began < 60


def test_a_stranger_has_nothing_asked_for(keys: KeyServer, made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_source, "_UNKNOWN_SECONDS", 0.0)
    tokens = made(keys)
    tokens.prove(Credentials(token()))
    refused(tokens, token(key_id="x", iss="https://evil.example.com/"))
    refused(tokens, token(key_id="x", exp=now() - 10))
    refused(tokens, token(key_id="x", aud="other"))
    assert keys.asked == 1


def test_an_issuer_that_is_away_lets_nobody_in_and_is_told_of_once(
    keys: KeyServer, made: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(key_source, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(key_source, "_UNKNOWN_SECONDS", 0.0)
    keys.status = 503
    tokens = made(keys)
    refused(tokens, token())
    while keys.asked < 4:
        time.sleep(0.01)
    refused(tokens, token())
    assert caplog.text.count("can not be had from") == 1
    keys.status = 200
    while True:
        try:
            tokens.prove(Credentials(token()))
        except InvalidCredentials:
            continue
        break
    # Gone again: the last keys go on for their time, and then nobody is let in, not even who was just now.
    text = token()
    tokens.prove(Credentials(text))
    keys.status = 500
    monkeypatch.setattr(key_source, "_WAIT_SECONDS", 0.05)
    asked = keys.asked
    source = next(iter(tokens._issuers.values()))[1]
    source.wait_for_newer()
    while keys.asked < asked + 2:
        time.sleep(0.01)
    assert tokens.prove(Credentials(text))
    clock.later = 3601.0
    refused(tokens, text)
    refused(tokens, token(exp=int(time.time()) + 100, iat=int(time.time())))


def redirected(keys: KeyServer) -> None:
    keys.status, keys.location = 302, f"{keys.url}2"


def too_much(keys: KeyServer) -> None:
    keys.raw = b" " * 300_000 + json.dumps({"keys": keys.keys}).encode()


def nonsense(keys: KeyServer) -> None:
    keys.raw = b"<html>"


@pytest.mark.parametrize("spoil", [redirected, too_much, nonsense])
def test_what_is_no_set_of_keys_is_not_taken(keys: KeyServer, made: Make, spoil: Callable[[KeyServer], None]) -> None:
    spoil(keys)
    tokens = made(keys)
    refused(tokens, token())
    assert keys.asked == 1


def test_a_slow_issuer_holds_up_one_call_at_most_and_not_for_long(
    keys: KeyServer, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_source, "_WAIT_SECONDS", 0.3)
    keys.gate.clear()
    tokens = made(keys)
    began = time.monotonic()
    refused(tokens, token())
    assert time.monotonic() - began < 5
    keys.gate.set()


def test_base64_of_pythons_kind_is_not_let_through(tokens: JsonWebTokens) -> None:
    header, payload, signature = good().split(".")
    assert base64.urlsafe_b64decode(payload + "==")
    refused(tokens, f"{header}.{payload[:5]}\n{payload[5:]}.{signature}")
    with pytest.raises(MalformedError):
        json_web_tokens.read_part("e30\n")
