"""A certificate that is renewed while it is served."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.certificates import Authority, Pair, Volume

from task_server.tls import certificate
from task_server.tls.certificate import CertificateError, CertificateFiles


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the time pass until the files are looked at again."""
    now = [1000.0]
    monkeypatch.setattr(certificate.time, "monotonic", lambda: now[0])

    def pass_() -> None:
        now[0] += 1.0

    return pass_


def test_the_files_are_read_once_a_second_at_most(authority: Authority, later: Callable[[], None]) -> None:
    pair = authority.issue("a")
    files = CertificateFiles(pair.cert, pair.key)
    first = files.current()
    renewed = authority.leaf("a")
    renewed.write(pair)
    assert files.current() is first
    later()
    assert files.current().chain == renewed.chain
    later()
    assert files.current() is files.current()


def test_a_link_to_another_directory_is_followed(
    authority: Authority, tmp_path: Path, later: Callable[[], None]
) -> None:
    volume = Volume(tmp_path / "volume", authority.leaf("a"))
    files = CertificateFiles(volume.pair.cert, volume.pair.key)
    renewed = authority.leaf("a")
    volume.swap(renewed)
    later()
    assert (files.current().chain, files.current().key) == (renewed.chain, renewed.key)


def garbage(pair: Pair, authority: Authority) -> None:
    pair.cert.write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")


def key_of_another(pair: Pair, authority: Authority) -> None:
    pair.key.write_bytes(authority.leaf("a").key)


def gone(pair: Pair, authority: Authority) -> None:
    pair.key.unlink()


def half_written(pair: Pair, authority: Authority) -> None:
    content = authority.leaf("a").chain
    pair.cert.write_bytes(content[: len(content) // 2])


def empty(pair: Pair, authority: Authority) -> None:
    pair.cert.write_bytes(b"")


@pytest.mark.parametrize("damage", [garbage, key_of_another, gone, half_written, empty])
def test_broken_files_keep_the_last_one_and_are_told_of_once(
    damage: Callable[[Pair, Authority], None],
    authority: Authority,
    later: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pair = authority.issue("a")
    files = CertificateFiles(pair.cert, pair.key)
    first = files.current()
    damage(pair, authority)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            later()
            assert files.current() is first
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "the last one goes on" in caplog.text
        assert "PRIVATE KEY" not in caplog.text
        renewed = authority.leaf("a")
        renewed.write(pair)
        later()
        assert files.current().chain == renewed.chain
        assert caplog.records[-1].levelname == "INFO"


@pytest.mark.parametrize("damage", [garbage, key_of_another, gone, half_written, empty])
def test_broken_files_are_an_error_at_first(damage: Callable[[Pair, Authority], None], authority: Authority) -> None:
    pair = authority.issue("a")
    damage(pair, authority)
    with pytest.raises(CertificateError) as refusal:
        CertificateFiles(pair.cert, pair.key)
    assert str(pair.cert.parent) in str(refusal.value)


def test_a_key_with_a_passphrase_asks_nobody(authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    pair = authority.issue("a")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(CertificateError, match="passphrase"):
        CertificateFiles(pair.cert, pair.key)


def test_the_callers_authorities_are_renewed_too(
    authority: Authority, tmp_path: Path, later: Callable[[], None]
) -> None:
    pair, other = authority.issue("a"), Authority(tmp_path / "other")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.pem)
    files = CertificateFiles(pair.cert, pair.key, trusted)
    trusted.write_bytes(b"nobody")
    later()
    assert files.current().client_ca == authority.pem
    trusted.write_bytes(other.pem)
    later()
    assert files.current().client_ca == other.pem
    trusted.write_bytes(b"nobody")
    with pytest.raises(CertificateError, match="no certificates"):
        CertificateFiles(pair.cert, pair.key, trusted)
