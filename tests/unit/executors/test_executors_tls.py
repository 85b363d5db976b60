"""API tasks over TLS: a certificate is trusted for the name that is called, or there is no request."""

from __future__ import annotations

import datetime
import json
import socket
import ssl

import pytest
import trustme
from tests.unit.executors.calls import ATTEMPT, call_action

from task_server.domain.actions import HttpAction
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.connection import RequestFailed
from task_server.executors.egress import EgressPolicy
from task_server.executors.http import HttpExecutor

LOOPBACK = EgressPolicy(allow_networks=("127.0.0.0/8=*", "::1/128=*"))
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def serve_as(serve):
    """Start a server with a certificate; answers with it and the names that it is called by."""

    def serve_as_(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        names = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        return serve(context), names

    return serve_as_


@pytest.fixture(scope="module")
def executor(ca, tmp_path_factory):
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    executor = HttpExecutor(egress=LOOPBACK, ca_file=ca_file)
    yield executor
    executor.close()


def outcome_of(executor, url):
    return executor.start(HttpAction(url=url), attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait()


def by_name(ca, server, name):
    """Call the server by a name that only this test knows."""
    tls = ssl.create_default_context()
    ca.configure_trust(tls)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
    action = HttpAction(url=f"https://{name}:{server.port}/echo")
    return call_action(action, LOOPBACK, tls, max_body_bytes=65_536, resolve=lambda _host, _port: found)


class SelfSigned:
    """A certificate that vouches for itself."""

    def __init__(self, directory):
        ca = trustme.CA()
        self._certificate, self._key = directory / "own.pem", directory / "own.key"
        ca.cert_pem.write_to_path(str(self._certificate))
        ca.private_key_pem.write_to_path(str(self._key))

    def configure_cert(self, context):
        context.load_cert_chain(self._certificate, self._key)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_of_the_operators_authority_is_trusted(executor, ca, serve_as, host):
    server, _ = serve_as(ca.issue_cert(host))
    outcome = outcome_of(executor, f"https://{host}:{server.port}/echo")

    assert outcome.status is ExecutionStatus.SUCCESS, outcome.error
    assert json.loads(outcome.result_json)["url"] == f"https://{host}:{server.port}/echo"
    assert server.requests[0]["headers"]["Host"] == f"{host}:{server.port}"


def test_nothing_is_asked_of_a_server_that_can_not_be_trusted(executor, ca, serve_as, tmp_path):
    certificates = {
        "certificate has expired": ca.issue_cert("localhost", not_after=LONG_AGO),
        "self-signed certificate": SelfSigned(tmp_path),
        "unable to get local issuer certificate": trustme.CA().issue_cert("localhost"),
        "Hostname mismatch, certificate is not valid for 'localhost'": ca.issue_cert("other.test"),
    }
    for why, certificate in certificates.items():
        server, _ = serve_as(certificate)
        outcome = outcome_of(executor, f"https://localhost:{server.port}/echo")

        assert outcome.failure_reason is FailureReason.REQUEST_FAILED
        assert outcome.error == f"The certificate of localhost is not trusted: {why}."
        assert server.requests == []
        assert server.connections == 1, "it was tried again"


def test_an_authority_that_nobody_named_is_not_trusted(ca, serve_as):
    server, _ = serve_as(ca.issue_cert("localhost"))
    executor = HttpExecutor(egress=LOOPBACK)
    outcome = outcome_of(executor, f"https://localhost:{server.port}/echo")
    executor.close()
    assert outcome.failure_reason is FailureReason.REQUEST_FAILED
    assert "unable to get local issuer certificate" in outcome.error


def test_the_certificate_is_judged_by_the_name_and_not_by_the_address(ca, serve_as):
    server, _ = serve_as(ca.issue_cert("127.0.0.1"))
    with pytest.raises(RequestFailed, match=r"not valid for 'service\.test'\.$"):
        by_name(ca, server, "service.test")

    server, _ = serve_as(ca.issue_cert("service.test"))
    with pytest.raises(RequestFailed, match=r"not valid for '127\.0\.0\.1'\.$"):
        by_name(ca, server, "127.0.0.1")
    assert server.requests == []


def test_a_name_that_stands_in_the_common_name_alone_does_not_count(executor, ca, serve_as):
    server, _ = serve_as(ca.issue_cert(common_name="localhost"))
    outcome = outcome_of(executor, f"https://localhost:{server.port}/echo")
    assert outcome.failure_reason is FailureReason.REQUEST_FAILED
    # OpenSSL's own reason differs with the flags that each Python version sets.
    assert "The certificate of localhost is not trusted" in outcome.error


@pytest.mark.parametrize("written", ["service.test", "SERVICE.test", "service.test."])
def test_the_server_is_told_which_name_is_called(ca, serve_as, written):
    server, names = serve_as(ca.issue_cert("service.test"))
    by_name(ca, server, written)
    assert names == ["service.test"]
    assert server.requests[0]["headers"]["Host"] == f"service.test:{server.port}"


def test_a_redirect_to_plain_http_is_not_followed(executor, ca, serve_as, server):
    secure, _ = serve_as(ca.issue_cert("localhost"))
    outcome = outcome_of(executor, f"https://localhost:{secure.port}/redirect/302/{server.url}/echo")
    assert outcome.failure_reason is FailureReason.EGRESS_DENIED
    assert "from https to http" in outcome.error
    assert server.requests == []


def test_what_is_trusted_is_loaded_once_and_not_for_every_connection(ca, serve_as):
    class Complete(ssl.SSLContext):
        """A context that takes nothing more."""

        def load_verify_locations(self, cafile=None, capath=None, cadata=None):
            raise AssertionError(cafile or capath or cadata)

    tls = Complete(ssl.PROTOCOL_TLS_CLIENT)
    ssl.SSLContext.load_verify_locations(tls, cadata=ca.cert_pem.bytes().decode())
    server, _ = serve_as(ca.issue_cert("127.0.0.1"))
    _, answer = call_action(HttpAction(url=server.url), LOOPBACK, tls, max_body_bytes=1000)
    assert answer.status == 200


def test_certificates_that_can_not_be_read_are_named_at_the_start(tmp_path):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nnone\n")
    for file in (tmp_path / "missing.pem", garbage):
        with pytest.raises(ValueError, match=file.name):
            HttpExecutor(ca_file=file)
