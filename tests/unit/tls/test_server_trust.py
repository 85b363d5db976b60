"""When the gateway and the health check use TLS to the server, and what they show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.certificates import Authority

from task_server.config import Settings
from task_server.tls import server_trust
from task_server.tls.certificate import CertificateError
from task_server.tls.server_trust import ServerTrust


def uses_tls(address: str, **settings: Any) -> bool:
    return ServerTrust.of(Settings(**settings), address) is not None


def test_plain_text_goes_to_this_machine_alone_unless_it_may_leave() -> None:
    assert not uses_tls("127.0.0.1:1")
    assert not uses_tls("unix:/run/task.sock")
    assert uses_tls("192.0.2.1:1")
    assert uses_tls("server.invalid:1", gateway_target="server.invalid:1")
    assert not uses_tls("192.0.2.1:1", insecure=True)


def test_what_is_said_of_the_servers_certificate_means_tls(authority: Authority) -> None:
    pair = authority.issue("caller")
    for settings in (
        {"gateway_target_ca_file": str(authority.file)},
        {"gateway_target_name": "localhost"},
        {"gateway_target_cert_file": str(pair.cert), "gateway_target_key_file": str(pair.key)},
        {"tls_cert_file": str(pair.cert), "tls_key_file": str(pair.key)},
    ):
        assert uses_tls("127.0.0.1:1", insecure=True, **settings)
    # That of the gateway's own port says nothing of a server that is somebody else.
    own = {"tls_cert_file": str(pair.cert), "tls_key_file": str(pair.key)}
    assert not uses_tls("127.0.0.1:1", gateway_target="127.0.0.1:1", **own)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the time pass until the files are looked at again."""
    now = [1000.0]
    monkeypatch.setattr(server_trust.time, "monotonic", lambda: now[0])

    def pass_() -> None:
        now[0] += 1.0

    return pass_


def test_a_certificate_is_renewed_when_both_files_are(authority: Authority, later: Callable[[], None]) -> None:
    pair = authority.issue("caller")
    settings = Settings(gateway_target_cert_file=str(pair.cert), gateway_target_key_file=str(pair.key))
    trust = ServerTrust(settings)
    assert trust.shows_certificate
    renewed = authority.leaf("caller")
    pair.key.write_bytes(renewed.key)
    assert not trust.was_renewed()
    later()
    assert not trust.was_renewed()
    pair.cert.write_bytes(renewed.chain)
    later()
    assert trust.was_renewed()
    later()
    assert not trust.was_renewed()


def test_files_that_are_none_are_an_error_at_first(authority: Authority) -> None:
    pair = authority.issue("caller")
    for settings in (
        {"gateway_target_ca_file": str(pair.key)},
        {"gateway_target_ca_file": f"{pair.key}.missing"},
        {"gateway_target_cert_file": str(pair.cert), "gateway_target_key_file": str(authority.issue("other").key)},
    ):
        with pytest.raises(CertificateError):
            ServerTrust(Settings(**settings))  # type: ignore[arg-type]
