"""Client certificates: the operator's table alone says whom they mean."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from task_server.auth import certificates
from task_server.auth.authenticator import Authenticator
from task_server.auth.certificates import Certificates, Name
from task_server.auth.credentials import Credentials
from task_server.config import ConfigError
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller, CallerKind, Owner, Role

BILLING = Caller(Owner("billing", "Billing"), Role.EDITOR, "certificate:billing", kind=CallerKind.CERTIFICATE)
REPORTS = Caller(Owner("reports", "Reports"), Role.VIEWER, "certificate:reports", kind=CallerKind.CERTIFICATE)
TABLE = {
    Name("uri", "task-manager:user/billing"): BILLING,
    Name("dns", "billing.example.com"): BILLING,
    Name("dns", "reports.example.com"): REPORTS,
}
CA = trustme.CA()


def pem(*names: str, **options: object) -> bytes:
    made = CA.issue_cert(*names, **options)  # type: ignore[arg-type]
    return made.cert_chain_pems[0].bytes()


def with_uri(uri: str, common_name: str = "x") -> bytes:
    """trustme makes no URIs."""
    key = x509.load_pem_x509_certificate(pem("x")).public_key()
    from cryptography.hazmat.primitives import hashes, serialization

    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    signer = serialization.load_pem_private_key(CA.private_key_pem.bytes(), None)
    made = (
        x509.CertificateBuilder(name, name, key, 7, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("certificate", "caller"),
    [
        (with_uri("task-manager:user/billing"), BILLING),
        (pem("billing.example.com"), BILLING),
        (pem("reports.example.com", "else.example.com"), REPORTS),
    ],
)
def test_a_name_means_whom_the_table_says(certificate: bytes, caller: Caller) -> None:
    proof = Certificates(lambda: TABLE).prove(Credentials("", certificate))
    assert proof.caller == caller
    assert proof.seconds > 60


@pytest.mark.parametrize(
    "certificate",
    [
        pem("unknown.example.com"),
        # Of two callers nobody shall guess which one is meant.
        pem("billing.example.com", "reports.example.com"),
        pem("*.example.com"),
        pem("x.billing.example.com"),
        pem("x", common_name="billing.example.com"),
        with_uri("task-manager:user/billing?role=admin"),
        with_uri("task-manager:user/other", "billing.example.com"),
        with_uri("billing.example.com"),
        pem("reports.example.com", not_after=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)),
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
    ids=range(11),
)
def test_everything_else_means_nobody(certificate: bytes) -> None:
    with pytest.raises(InvalidCredentials):
        Certificates(lambda: TABLE).prove(Credentials("", certificate))


def test_a_token_goes_before_a_certificate() -> None:
    ways = Authenticator([Certificates(lambda: TABLE)], lambda _: None)
    with pytest.raises(InvalidCredentials):
        ways.authenticate(Credentials("tsk_wrong", pem("billing.example.com")))
    with pytest.raises(InvalidCredentials):
        ways.authenticate(Credentials("", b""))
    assert ways.authenticate(Credentials("", pem("billing.example.com"))) == BILLING


def test_the_table_is_read_again_and_kept_where_it_can_not_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(certificates, "_LOOK_SECONDS", 0.0)
    state: list[Mapping[Name, Caller] | ConfigError] = [TABLE]

    def read() -> Mapping[Name, Caller]:
        if isinstance(state[0], ConfigError):
            raise state[0]
        return state[0]

    ways = Certificates(read)
    credentials = Credentials("", pem("billing.example.com"))
    state[0] = ConfigError("broken")
    for _ in range(3):
        assert ways.prove(credentials).caller == BILLING
    assert caplog.text.count("the last one goes on: broken") == 1
    state[0] = {}
    with pytest.raises(InvalidCredentials):
        ways.prove(credentials)


def test_a_certificate_that_ends_ends_its_callers_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=100)
    credentials = Credentials("", pem("billing.example.com", not_after=end))
    ways = Certificates(lambda: TABLE)
    assert ways.prove(credentials).seconds <= 100
    monkeypatch.setattr(time, "time", lambda: end.timestamp())
    with pytest.raises(InvalidCredentials):
        ways.prove(credentials)
