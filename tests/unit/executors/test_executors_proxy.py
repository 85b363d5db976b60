"""API tasks through an egress proxy: a real one, on loopback."""

from __future__ import annotations

import base64
import json
import socket
import socketserver
import ssl
import threading

import pytest
import trustme
from tests.unit.executors.calls import ATTEMPT

from task_server.domain.actions import HttpAction
from task_server.domain.retry import NEVER_RETRIED
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.egress_proxy import EgressProxy, read_proxy
from task_server.executors.http import HttpExecutor
from task_server.executors.request_rules import parse_url
from task_server.executors.tunnel import TunnelDialer

CREDENTIALS = "worker:geheim:ü"
LOOPBACK = EgressPolicy(allow_networks=("127.0.0.0/8=*",))


class ConnectProxy(socketserver.ThreadingTCPServer):
    """Takes CONNECT, keeps the heads that it was sent, and leads every name to loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heads: list[list[str]] = []
        #: The answer to every CONNECT, where it is not to connect.
        self.answer = b""
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class Tunnel(socketserver.StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        head = []
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            head.append(line)
        self.server.heads.append(head)
        if self.server.answer:
            self.wfile.write(self.server.answer)
            return
        method, authority, _ = head[0].split(" ")
        assert method == "CONNECT"
        with socket.create_connection(("127.0.0.1", int(authority.rpartition(":")[2]))) as target:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, self.connection))
            back.start()
            pump(self.connection, target)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy():
    proxy = ConnectProxy()
    yield proxy
    proxy.close()


@pytest.fixture
def start_executor(proxy, server):
    executors = []

    def start(egress=None, credentials="", port=None, **options):
        executor = HttpExecutor(
            egress=egress or EgressPolicy(ports=(server.port,)),
            proxy=EgressProxy("127.0.0.1", port or proxy.port, credentials),
            **options,
        )
        executors.append(executor)
        return executor

    yield start
    for executor in executors:
        executor.close()


def outcome_of(executor, url, **fields):
    return executor.start(HttpAction(url=url, **fields), attempt=ATTEMPT, timeout=20, log=lambda _text: None).wait()


def test_a_name_is_left_to_the_proxy_and_all_goes_through_it(proxy, server, start_executor):
    outcome = outcome_of(start_executor(), f"http://only-the-proxy-knows.test:{server.port}/echo?a=b")
    assert outcome.status is ExecutionStatus.SUCCESS, outcome.error
    authority = f"only-the-proxy-knows.test:{server.port}"
    assert proxy.heads == [[f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]]
    assert (server.requests[0]["path"], server.requests[0]["headers"]["Host"]) == ("/echo?a=b", authority)


def test_the_certificate_is_that_of_the_target_and_the_proxy_sees_nothing_of_the_request(
    proxy, serve, start_executor, tmp_path
):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, fine in (("service.test", True), ("other.test", False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("service.test").configure_cert(context)
        server = serve(context)
        url = f"https://{name}:{server.port}/secret-path"
        policy = EgressPolicy(ports=(server.port,))
        executor = start_executor(policy, ca_file=tmp_path / "ca.pem", credentials=CREDENTIALS)
        outcome = outcome_of(executor, url, headers={"Authorization": "Bearer of-the-owner"})
        assert (outcome.status is ExecutionStatus.SUCCESS) is fine
        assert len(server.requests) == fine
        assert "geheim" not in json.dumps(server.requests)
        assert "Proxy-Authorization" not in json.dumps(server.requests)
    assert "not valid for 'other.test'" in outcome.error
    assert "of-the-owner" not in json.dumps(proxy.heads)
    assert "secret-path" not in json.dumps(proxy.heads)


def test_credentials_are_told_to_the_proxy_and_to_nobody_else(proxy, server, start_executor, caplog):
    executor = start_executor(credentials=CREDENTIALS)
    outcomes = [outcome_of(executor, f"http://x.test:{server.port}/echo")]
    encoded = base64.b64encode(CREDENTIALS.encode()).decode()
    assert f"Proxy-Authorization: Basic {encoded}" in proxy.heads[0]
    for answer in (b"HTTP/1.1 407 No\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b"nonsense\r\n\r\n"):
        proxy.answer = answer
        outcomes.append(outcome_of(executor, f"http://x.test:{server.port}/echo"))
    seen = repr((outcomes, server.requests, caplog.text, EgressProxy("h", 1, CREDENTIALS)))
    assert "geheim" not in seen
    assert encoded not in seen


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1/", "not public"),
        ("http://[::1]/", "not public"),
        ("http://[::ffff:169.254.169.254]/", "not public"),
        ("http://169.254.169.254/", "not public"),
        ("http://2852039166/", "usual form"),
        ("http://0x7f.1/", "usual form"),
        ("http://localhost/", "not public"),
        ("http://LOCALHOST./", "not public"),
        ("http://a.localhost/", "not public"),
        ("http://public.test:25/", "the port is not one of"),
        ("http://x.denied.test/", "denies this host"),
    ],
)
def test_what_the_url_says_is_judged_before_the_proxy_is_asked(proxy, start_executor, url, why):
    outcome = outcome_of(start_executor(EgressPolicy(deny_hosts=("*.denied.test",))), url)
    assert outcome.failure_reason is FailureReason.EGRESS_DENIED
    assert why in outcome.error
    assert proxy.heads == []


def test_an_opened_network_opens_no_port_for_names(proxy, server, start_executor):
    executor = start_executor(LOOPBACK)
    assert outcome_of(executor, f"http://127.0.0.1:{server.port}/echo").status is ExecutionStatus.SUCCESS
    refused = outcome_of(executor, f"http://x.test:{server.port}/echo")
    assert refused.failure_reason is FailureReason.EGRESS_DENIED
    assert len(proxy.heads) == 1


def test_an_address_is_told_to_the_proxy_as_such():
    dialer = TunnelDialer(parse_url("http://[2606:2800::1]/"), EgressPolicy(), EgressProxy("x", 1))
    assert dialer._request() == b"CONNECT [2606:2800::1]:80 HTTP/1.1\r\nHost: [2606:2800::1]:80\r\n\r\n"
    with pytest.raises(EgressDenied):
        TunnelDialer(parse_url("http://[fd00::1]/"), EgressPolicy(), EgressProxy("x", 1)).dial()


def test_every_redirect_is_judged_and_goes_through_the_proxy(proxy, server, start_executor):
    port = server.port
    executor = start_executor()
    fine = outcome_of(executor, f"http://a.test:{port}/redirect/302/http://b.test:{port}/echo", headers={"X-Own": "x"})
    assert fine.status is ExecutionStatus.SUCCESS, fine.error
    assert [head[0].split()[1] for head in proxy.heads] == [f"a.test:{port}", f"b.test:{port}"]
    assert "X-Own" not in server.requests[1]["headers"]

    refused = outcome_of(executor, f"http://a.test:{port}/redirect/302/http://127.0.0.2:{port}/echo")
    assert refused.failure_reason is FailureReason.EGRESS_DENIED
    assert len(proxy.heads) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        *((f"HTTP/1.1 {status} No\r\n\r\n", FailureReason.EGRESS_DENIED) for status in (400, 403, 404, 407, 451)),
        *((f"HTTP/1.1 {status} No\r\n\r\n", FailureReason.REQUEST_FAILED) for status in (302, 408, 429, 502, 503, 504)),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", FailureReason.REQUEST_FAILED),
        ("hello\r\n\r\n", FailureReason.REQUEST_FAILED),
        ("HTTP/1.1 200", FailureReason.REQUEST_FAILED),
        ("HTTP/1.1 2000 OK\r\n\r\n", FailureReason.REQUEST_FAILED),
        ("HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 5000, FailureReason.REQUEST_FAILED),
    ],
)
def test_a_proxy_that_refuses_is_no_network_fault(proxy, server, start_executor, answer, reason):
    proxy.answer = answer.encode()
    outcome = outcome_of(start_executor(), f"http://x.test:{server.port}/echo")
    assert outcome.failure_reason is reason, outcome.error
    assert (reason in NEVER_RETRIED) is (reason is FailureReason.EGRESS_DENIED)
    assert "proxy" in outcome.error
    assert str(proxy.port) not in outcome.error, "the operator's network is told"
    assert server.requests == []


def test_a_proxy_that_is_away_is_not_gone_around(proxy, server, start_executor):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        outcome = outcome_of(start_executor(LOOPBACK, port=port), f"http://127.0.0.1:{server.port}/echo")
    assert (outcome.failure_reason, outcome.error) == (
        FailureReason.REQUEST_FAILED,
        "The egress proxy can not be reached.",
    )
    assert server.connections == 0


def test_a_proxy_that_says_nothing_ends_with_the_timeout(server, start_executor):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        executor = start_executor(port=silent.getsockname()[1])
        action = HttpAction(url=f"http://x.test:{server.port}/")
        outcome = executor.start(action, attempt=ATTEMPT, timeout=0.5, log=lambda _text: None).wait()
    assert outcome.failure_reason is FailureReason.TIMEOUT


@pytest.mark.parametrize(
    "url", ["https://proxy:1", "proxy:1", "http://proxy/path", "http://u:p@proxy:1", "http://proxy:0", "http://proxy?x"]
)
def test_a_proxy_that_is_none_is_said_at_the_start(url):
    with pytest.raises(ValueError, match="egress_proxy"):
        read_proxy(url, "u:secret")


def test_a_proxy_is_read():
    assert read_proxy("http://Proxy.internal:4750", "u:p") == EgressProxy("proxy.internal", 4750, "u:p")
    assert read_proxy("http://[::1]", "") == EgressProxy("::1", 80)
