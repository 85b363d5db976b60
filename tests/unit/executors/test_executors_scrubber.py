"""No secret is left in what is stored of a run, in whatever form and however it comes in pieces."""

from __future__ import annotations

import base64
import html
import itertools
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from task_server.domain.secret import MIN_SECRET_CHARACTERS, REDACTED, Secret
from task_server.executors.scrubber import Scrubber
from task_server.sandbox.ending import Cause, ChildFailure, Ending

#: Few characters, so that secrets overlap with themselves, with others and with the text; none of the mark's.
SECRETS = st.lists(
    st.text(alphabet="xyz/ü %\"'\n", min_size=MIN_SECRET_CHARACTERS, max_size=16), min_size=1, max_size=3
)


def texts(secrets: list[str]) -> st.SearchStrategy[str]:
    pieces = st.one_of(st.text(alphabet='xyz/ü "\n', max_size=5), st.sampled_from(secrets))
    return st.lists(pieces, max_size=6).map("".join)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), secrets=SECRETS)
def test_no_text_keeps_a_secret_in_any_chunking(data: st.DataObject, secrets: list[str]) -> None:
    text = data.draw(texts(secrets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    scrubber = Scrubber(map(Secret, secrets))
    said: list[str] = []
    stream = scrubber.stream(said.append)
    for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True):
        stream.write(text[first:last])
    stream.close()
    for scrubbed in ("".join(said), scrubber.text(text)):
        assert not [secret for secret in secrets if secret in scrubbed]


@settings(deadline=None)
@given(text=st.text(alphabet="xyz[]redacted %\n", max_size=40), cuts=st.lists(st.integers(0, 40), max_size=5))
def test_what_holds_no_secret_stays_as_it_is(text: str, cuts: list[int]) -> None:
    said: list[str] = []
    stream = Scrubber([Secret("SECRET-SECRET")]).stream(said.append)
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for first, last in itertools.pairwise(bounds):
        stream.write(text[first:last])
    stream.close()
    assert "".join(said) == text


ENCODINGS = {
    "plain": lambda value: value,
    "path": lambda value: quote(value, safe=""),
    "path, lower case": lambda value: quote(value, safe="").lower() if value == value.lower() else quote(value),
    "query": quote_plus,
    "JSON": lambda value: json.dumps({"a": value}),
    "JSON, characters as they are": lambda value: json.dumps([value], ensure_ascii=False),
    "JSON as PHP writes it": lambda value: json.dumps(value).replace("/", "\\/"),
    "HTML": html.escape,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "basic auth": lambda value: base64.b64encode(b"me:" + value.encode()).decode(),
    "basic auth, in the middle": lambda value: base64.b64encode(b"user:" + value.encode() + b"@x").decode(),
    "header read as Latin-1": lambda value: value.encode().decode("latin-1"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("secret", ["s3cr3t/+&=<\"'>x", "p%41ss w/rd", "пароль-密码-1", "aaaaaaaa", "abcdefgh~"])
def test_each_form_is_taken_out(encode, secret) -> None:
    encoded = encode(secret)
    scrubbed = Scrubber([Secret(secret)]).text(f"before {encoded} after")
    assert REDACTED in scrubbed
    assert (scrubbed[:7], scrubbed[-6:]) == ("before ", " after")
    # Of base64 the characters at its ends may say one or two of the neighbours.
    longest = max((size for size in range(len(encoded)) if encoded[:size] in scrubbed), default=0)
    assert longest < MIN_SECRET_CHARACTERS or encoded[:longest] not in encode("x" + secret)


def test_the_parts_of_credentials_are_taken_out() -> None:
    basic = base64.b64encode(b"user:correct horse").decode()
    for secret, text in (
        (f"Basic {basic}", "hello user:correct horse, or correct horse"),
        ("Bearer abcdefghijk", "token abcdefghijk"),
        ("a=1; session=abcdefghijk; b=2", "session is abcdefghijk."),
    ):
        scrubbed = Scrubber([Secret(secret)]).text(text)
        assert not [word for word in ("correct horse", "abcdefghijk") if word in scrubbed]


def test_a_short_one_is_left_alone_and_the_mark_is_no_secret() -> None:
    assert Scrubber([Secret("a=1")]).text("a=1 and Basic") == "a=1 and Basic"
    assert Scrubber([Secret("redacted")]).text("redacted") == "redacted"


@pytest.mark.parametrize("end", ["", ".", "…", '".', "') "])
def test_one_that_was_cut_is_taken_out_too(end: str) -> None:
    assert Scrubber([Secret("abcdefghijk")]).text(f"it said abcdefgh{end}") == f"it said {REDACTED}{end}"


def ending(result: object = None, **fields: object) -> Ending:
    data = None if result is None else json.dumps(result).encode()
    return Ending(cause=Cause.COMPLETED, result=data, **fields)


@example(secret='tok/en "1" ü')
@settings(deadline=None)
@given(secret=st.text(alphabet='abcü/"\\ \n', min_size=MIN_SECRET_CHARACTERS, max_size=20))
def test_nothing_that_a_child_says_keeps_one(secret: str) -> None:
    body = b"\xff\x00" + secret.encode() + b"\xff"
    said = ending(
        {
            "url": f"http://x/?t={quote(secret)}",
            "headers": {"X-Echo": secret, secret: "name"},
            "deep": [[{"a": [secret]}]],
            "body": base64.b64encode(body).decode(),
            "body_encoding": "base64",
            "n": 1.5,
        },
        failure=ChildFailure("REQUEST_FAILED", f"no {secret}", f"Traceback {secret!r} {secret}"),
        detail=secret,
    )
    clean = Scrubber([Secret(secret)]).ending(said)
    value = json.loads(clean.result)
    shown = json.dumps(value, ensure_ascii=False) + clean.failure.error + clean.failure.traceback + clean.detail
    for form in {secret, secret.strip(), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
        assert len(form) < MIN_SECRET_CHARACTERS or form not in shown
    assert secret.encode() not in base64.b64decode(value["body"])
    assert base64.b64decode(value["body"]).startswith(b"\xff\x00")
    assert value["n"] == 1.5


def test_a_result_that_is_no_json_is_not_kept() -> None:
    said = Ending(cause=Cause.COMPLETED, result=b'{"a": abcdefghijk')
    assert Scrubber([Secret("abcdefghijk")]).ending(said).result == b""


def test_without_secrets_nothing_is_touched() -> None:
    said = Ending(cause=Cause.COMPLETED, result=b'{ "a":1 }')
    assert Scrubber([]).ending(said) is said


NESTED = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, characters as they are": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON as PHP writes it": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "URL": lambda text: quote(text, safe=""),
    "query": quote_plus,
    "HTML": html.escape,
    "Latin-1": lambda text: text.encode().decode("latin-1"),
    "repr": lambda text: repr(text)[1:-1],
    "bytes": lambda text: repr(text.encode())[2:-1],
}


@settings(deadline=None, max_examples=300)
@given(
    secret=st.text(alphabet="ab1-/\\\"' \n+%&<=ü密\U0001f511", min_size=MIN_SECRET_CHARACTERS, max_size=14),
    ways=st.lists(st.sampled_from(list(NESTED)), max_size=2),
)
def test_however_often_it_was_escaped_it_is_taken_out(secret: str, ways: list[str]) -> None:
    text = secret
    for way in ways:
        text = NESTED[way](text)
    assert Scrubber([Secret(secret)]).text(f"({text})") == f"({REDACTED})"


@pytest.mark.parametrize("secret", ["\\" * 30 + "x", "&" * 30 + "x", "%" * 30 + "x", '\\"' * 15 + "x", " " * 20 + "é"])
def test_a_hostile_text_takes_no_time(secret: str) -> None:
    scrubber = Scrubber([Secret(secret)])
    for hostile in (
        "\\" * 50_000,
        "%25" * 20_000,
        "&amp;" * 10_000,
        '\\"' * 25_000,
        secret[:-1] * 2000,
        "+%20" * 10_000,
    ):
        began = time.process_time()
        scrubber.text(hostile)
        assert time.process_time() - began < 5


@pytest.mark.parametrize("way", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize(
    "long", ["line 1/ü\n" * 60, "\U0001f511" * 2000, "密" * 2700, '"<>&/+ %' * 1000, "a-b_" * 2000]
)
def test_a_long_one_is_taken_out_in_no_time(way, long: str) -> None:
    text = way(long)
    began = time.process_time()
    assert Scrubber([Secret(long)]).text(f"({text})") in (f"({REDACTED})", f"({REDACTED}")
    # Cut, what is there of it goes too.
    assert Scrubber([Secret(long)]).text(f"({text[: len(text) // 2]}") == f"({REDACTED}"
    assert time.process_time() - began < 5
