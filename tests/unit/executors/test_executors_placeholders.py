"""Where secrets are filled in, and where they are not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.domain.actions import HttpAction
from task_server.domain.secret import SealedSecret, SealedValue, Secret, SecretKind
from task_server.executors.placeholders import filled, is_misspelt, is_template, names_in, place
from task_server.executors.request_rules import BadUrl, parse_url
from task_server.executors.unsealing import unsealed
from task_server.sealing.key_source import GivenKeys
from task_server.sealing.sealer import CannotOpen, Sealer

VALUES = {"A": Secret("a/b ü?#&"), "B": Secret("{{secrets.A}}"), "BODY": Secret("line 1\nline 2")}


def test_all_places_are_filled() -> None:
    action = HttpAction(
        url="https://example.com/{{secrets.A}}/x?k={{secrets.A}}#f",
        method="POST",
        headers={"X-A": "Bearer {{ secrets.A }}", "X-B": "none"},
        params={"p": "{{secrets.A}}", "l": ["{{secrets.A}}", 1, True]},
        data={"{{secrets.A}}": ["{{secrets.A}}", {"d": "<{{secrets.BODY}}>"}], "n": 1.5, "z": None},
        has_data=True,
        raw_body_base64=base64.b64encode(b"x{{secrets.BODY}}").decode(),
    )
    sent = filled(action, {"X-Key": Secret("one more")}, VALUES)
    plain = VALUES["A"].plain
    assert sent.url == "https://example.com/a%2Fb%20%C3%BC%3F%23%26/x?k=a%2Fb%20%C3%BC%3F%23%26#f"
    assert sent.headers == {"X-A": f"Bearer {plain}", "X-B": "none", "X-Key": "one more"}
    assert sent.params == {"p": plain, "l": [plain, 1, True]}
    assert sent.data == {"{{secrets.A}}": [plain, {"d": "<line 1\nline 2>"}], "n": 1.5, "z": None}
    assert base64.b64decode(sent.raw_body_base64) == b"xline 1\nline 2"
    assert "one more" not in repr(sent)
    assert plain not in repr(sent)


def test_what_was_filled_in_is_not_looked_at_again() -> None:
    assert filled(HttpAction(url="http://x/", headers={"a": "{{secrets.B}}"}), {}, VALUES).headers == {
        "a": "{{secrets.A}}"
    }


def test_a_body_that_is_no_text_stays_as_it_is() -> None:
    body = base64.b64encode(b"\xff{{secrets.A}}").decode()
    assert filled(HttpAction(url="http://x/", raw_body_base64=body), {}, VALUES).raw_body_base64 == body


@settings(deadline=None)
@given(
    secret=st.text(min_size=8, max_size=40),
    url=st.sampled_from(
        [
            "http://h.test/{{secrets.A}}",
            "http://h.test?{{secrets.A}}",
            "https://h.test:8443/a/{{secrets.A}}?b={{secrets.A}}",
        ]
    ),
)
def test_no_secret_says_where_a_call_goes(secret: str, url: str) -> None:
    before = parse_url(url.replace("{{secrets.A}}", "x"))
    try:
        sent = parse_url(filled(HttpAction(url=url), {}, {"A": Secret(secret)}).url)
    except BadUrl:
        pytest.fail("a percent-encoded secret makes no bad URL")
    assert sent.origin == before.origin
    assert sent.path.count("/") == before.path.count("/")
    assert sent.path.count("?") == before.path.count("?")


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://h:1/p?q", "https://h:1"),
        ("https://{{secrets.A}}/", "https://{{secrets.A}}"),
        ("https://h{{secrets.A}}?x", "https://h{{secrets.A}}"),
        ("{{secrets.A}}://h/", "{{secrets.A}}://h"),
        ("https://h#f", "https://h"),
    ],
)
def test_the_place_of_a_url(url: str, start: str) -> None:
    assert place(url) == start


def test_what_a_placeholder_is() -> None:
    assert names_in("{{secrets.A}} {{ secrets._b1 }} {{secret.A}} {secrets.A}") == ["A", "_b1"]
    for wrong in (
        "{{secrets.1}}",
        "{{secrets.a-b}}",
        "{{secrets.A}",
        "{{secrets}}",
        "{{\tsecrets.A}}",
        "{{secrets.A.b}}",
    ):
        assert is_misspelt(wrong), wrong
    for fine in ("{{secretsfoo}}", "{{other.A}}", "{ {secrets.A}}", "{{secrets.A}}"):
        assert not is_misspelt(fine), fine
    for template in ("{{secrets.A}}", "Bearer {{secrets.A}}", "sid={{secrets.A}}"):
        assert is_template(template), template
    for value in (
        "Bearer x{{secrets.A}}",
        "{{secrets.A}}x",
        "Bearer x {{secrets.A}}",
        "{{secrets.A}} {{secrets.A}}",
        "x",
    ):
        assert not is_template(value), value


def test_unsealing_needs_every_secret() -> None:
    sealer = Sealer(GivenKeys("1" * 64, "x"))
    value = SealedValue(kind=SecretKind.VALUE, name="A", fingerprint="f")
    action = HttpAction(url="http://x/{{secrets.A}}", sealed=(value,))
    box: SealedSecret = sealer.seal(Secret("12345678"), owner_id="o", task_id="t", kind=SecretKind.VALUE, name="A")
    sent, scrubber = unsealed(action, [box], sealer)
    assert (sent.url, sent.sealed) == ("http://x/12345678", ())
    assert scrubber.text("12345678") == "[redacted]"
    with pytest.raises(CannotOpen, match="not stored any more"):
        unsealed(action, [], sealer)
    with pytest.raises(CannotOpen, match="does not have"):
        unsealed(action, [box], Sealer())
