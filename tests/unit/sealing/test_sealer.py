"""What is sealed opens in its own place, with its own key, and whole; and nowhere else."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_server.domain.errors import SealingUnavailable
from task_server.domain.secret import SealedSecret, Secret, SecretKind
from task_server.sealing.fingerprints import Fingerprints
from task_server.sealing.key_source import GivenKeys
from task_server.sealing.keys import SealingKeyError, read_keys
from task_server.sealing.sealer import CannotOpen, KeyMissing, Sealer

ONE, TWO = "1" * 64, "2" * 64
PLACE = {"owner_id": "ann", "task_id": "t1", "kind": SecretKind.HEADER, "name": "X-Key"}


def sealer(*keys: str) -> Sealer:
    return Sealer(GivenKeys(" ".join(keys), "the test"))


def sealed(plain: str = "open sesame", keys: tuple[str, ...] = (ONE,)) -> SealedSecret:
    return sealer(*keys).seal(Secret(plain), **PLACE)


@settings(deadline=None)
@given(plain=st.text(min_size=8, max_size=200))
def test_what_is_sealed_opens(plain: str) -> None:
    box = sealed(plain)
    assert plain not in box.sealed
    assert sealer(ONE).open(box) == Secret(plain)


@pytest.mark.parametrize(
    "moved",
    [
        {"owner_id": "bob"},
        {"task_id": "t2"},
        {"kind": SecretKind.VALUE},
        {"name": "x-key"},
        # What ends one part can not begin another.
        {"owner_id": "an", "task_id": "nt1"},
    ],
)
def test_in_another_place_it_does_not_open(moved: dict[str, object]) -> None:
    with pytest.raises(CannotOpen, match="damaged, or sealed for another"):
        sealer(ONE).open(replace(sealed(), **moved))


def test_with_another_key_it_does_not_open() -> None:
    with pytest.raises(KeyMissing, match=f"sealed with key {sealed().key_id}"):
        sealer(TWO).open(sealed())
    other = replace(sealed(), key_id=sealer(TWO).first_key_id)
    with pytest.raises(CannotOpen, match="damaged"):
        sealer(ONE, TWO).open(other)


@settings(deadline=None)
@given(data=st.data())
def test_changed_or_cut_it_does_not_open(data: st.DataObject) -> None:
    box = sealed()
    raw = bytearray(base64.b64decode(box.sealed))
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CannotOpen) as caught:
        sealer(ONE).open(replace(box, sealed=base64.b64encode(raw).decode()))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "no base64!", "ü", "AQ=="])
def test_what_is_no_box_does_not_open(text: str) -> None:
    with pytest.raises(CannotOpen):
        sealer(ONE).open(replace(sealed(), sealed=text))


def test_the_first_key_seals_and_all_open() -> None:
    old = sealed(keys=(ONE,))
    both = sealer(TWO, ONE)
    assert both.open(old) == Secret("open sesame")
    assert both.seal(Secret("x"), **PLACE).key_id == both.first_key_id == sealer(TWO).first_key_id != old.key_id


def test_no_two_boxes_are_the_same() -> None:
    assert len({sealed().sealed for _ in range(100)}) == 100


def test_without_keys_nothing_is_sealed() -> None:
    with pytest.raises(SealingUnavailable, match="sealing_key_file"):
        Sealer().seal(Secret("x"), **PLACE)
    with pytest.raises(KeyMissing):
        Sealer().open(sealed())
    assert Sealer().key_ids == frozenset()


def test_nothing_shows_a_secret_or_a_key() -> None:
    box = sealed()
    ring = read_keys(ONE, "x")
    shown = f"{Secret('open sesame')!r} {Secret('open sesame')} {box!r} {ring.first!r} {[Secret('open sesame')]}"
    assert "sesame" not in shown
    assert ONE[:8] not in shown
    assert box.sealed not in shown


def test_equal_secrets_of_an_owner_have_equal_fingerprints() -> None:
    fingerprints = Fingerprints(b"k" * 32)
    one = fingerprints.of("ann", Secret("open sesame"))
    assert one == fingerprints.of("ann", Secret("open sesame"))
    others = [
        fingerprints.of("bob", Secret("open sesame")),
        fingerprints.of("ann", Secret("open sesamf")),
        fingerprints.of("anno", Secret("pen sesame")),
        Fingerprints(b"l" * 32).of("ann", Secret("open sesame")),
    ]
    assert len({one, *others}) == 5
    assert all(len(each) == 16 for each in others)


@pytest.mark.parametrize("text", [f"{ONE}\n{TWO}\n", f"{ONE},{TWO}", f"# old ones below\n{ONE}\n\n # x\n{TWO.upper()}"])
def test_keys_are_read(text: str) -> None:
    assert read_keys(text, "x").ids == sealer(ONE, TWO).key_ids


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x has no key"),
        ("# only words", "x has no key"),
        (f"{ONE} {TWO}0", "key 2 of x is none"),
        ("g" * 64, "key 1 of x"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(text: str, message: str) -> None:
    with pytest.raises(SealingKeyError, match=message) as caught:
        read_keys(text, "x")
    assert "openssl rand -hex 32" in str(caught.value)
    assert "gggg" not in str(caught.value)
