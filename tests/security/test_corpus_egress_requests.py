"""Requests, redirects and answers that attack a call: each row of the corpus has a case here, and there are more of each class."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import ssl
import time
import warnings
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import trustme
from egress_world import CONNECTED, OK, Listener, Names, get, nothing_is_sent, redirect
from google.protobuf import json_format
from urllib3.util import create_urllib3_context

from task_manager.v1 import task_pb2
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.violations import Violations
from task_server.domain.actions import HttpAction
from task_server.domain.errors import InvalidFields
from task_server.domain.retry import NEVER_RETRIED
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.connection import RequestFailed
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.executor import AttemptId
from task_server.executors.http import HttpExecutor

CORPUS = (Path(__file__).parent / "corpus" / "egress_requests.tsv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(CORPUS.splitlines(), delimiter="\t"))
SECRETS = {"Authorization": "secret", "Cookie": "secret", "X-Api-Key": "secret", "X-Own": "secret"}
LOOPBACK = EgressPolicy(allow_networks=("127.0.0.0/8=*",))
MIB = 1 << 20
CASES: dict[str, Callable[[World], None]] = {}


class World:
    """Listeners of one case, and ways to call them."""

    def __init__(self, executor: HttpExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self._executor = executor
        self.monkeypatch = monkeypatch
        self.tmp_path = tmp_path
        self._listeners: list[Listener] = []

    def listen(self, *replies: Any, **options: Any) -> Listener:
        self._listeners.append(Listener(*replies, **options))
        return self._listeners[-1]

    def outcome(self, url: str, *, timeout: float = 20.0) -> Any:
        """Through a child, as a worker does it."""
        return run(self._executor, url, timeout)

    def outcome_here(self, url: str, ca_file: Path | None = None) -> Any:
        """The same by a worker that starts now, with the environment as it is."""
        executor = HttpExecutor(egress=LOOPBACK, ca_file=ca_file)
        try:
            return run(executor, url, 20.0)
        finally:
            executor.close()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


def run(executor: HttpExecutor, url: str, timeout: float) -> Any:
    action = HttpAction(url=url)
    return executor.start(action, attempt=AttemptId("e", 1), timeout=timeout, log=lambda _text: None).wait()


@pytest.fixture(scope="module")
def executor():
    executor = HttpExecutor(egress=LOOPBACK)
    yield executor
    executor.close()


@pytest.fixture
def world(executor, monkeypatch, tmp_path):
    world = World(executor, monkeypatch, tmp_path)
    yield world
    world.close()


def case(name: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        CASES[name] = function
        return function

    return register


@pytest.mark.parametrize("row", ROWS, ids=[f"{number:02}-{row['category']}" for number, row in enumerate(ROWS, 1)])
def test_the_corpus(world, row):
    CASES[row["case"]](world)


def test_every_case_is_one_of_the_corpus():
    assert set(CASES) == {row["case"] for row in ROWS}


def refused(url: str, *fields: Any, policy: EgressPolicy = LOOPBACK, **options: Any) -> str:
    with pytest.raises(EgressDenied) as caught:
        get(url, policy, *fields, **options)
    return str(caught.value)


def failed(url: str, **options: Any) -> str:
    with pytest.raises(RequestFailed) as caught:
        get(url, LOOPBACK, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def violations(**task: Any) -> set[str]:
    message = json_format.ParseDict({"name": "t", "api_url": "https://example.com/"} | task, task_pb2.Task())
    validator = TaskValidator(lambda *_code: (), lambda _patterns: (), 300.0, 3600.0)
    with pytest.raises(InvalidFields) as caught:
        validator.validate(message, 0, Violations())
    return {violation.field for violation in caught.value.violations}


@case("301/302/303/307/308 to a forbidden address")
def _(world):
    for status in (301, 302, 303, 307, 308):
        forbidden = world.listen(address="127.0.0.2")
        start = world.listen(redirect(status, f"{forbidden.url}/latest"))
        policy = EgressPolicy(allow_networks=(f"127.0.0.1/32={start.port}",), ports=(start.port, forbidden.port))
        before = len(CONNECTED)
        assert "not public" in refused(start.url, policy=policy)
        assert (start.connections, forbidden.connections) == (1, 0)
        assert CONNECTED[before:] == [(start.address, start.port)]


@case("to file:, gopher:, ftp:, data:")
def _(world):
    schemes = [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "ftp://127.0.0.1/",
        "data:text/plain,x",
        "FILE:/etc/passwd",
    ]
    for location in [
        *schemes,
        "javascript:1",
        "http+unix://x/",
        "http://",
        "http://[",
        "http:",
        "://",
        "\\\\127.0.0.2\\x",
    ]:
        start = world.listen(redirect(302, location))
        if location not in ("http://", "http:", "://", "\\\\127.0.0.2\\x"):
            assert "not followed" in refused(start.url)
        else:
            # What is read as a path leads back to where it came from, and nowhere else.
            with pytest.raises((EgressDenied, RequestFailed)):
                get(start.url, LOOPBACK)
        assert {address[1] for address in CONNECTED[-start.connections :]} == {start.port}


@case("protocol-relative //forbidden-host")
def _(world):
    forbidden = world.listen(address="127.0.0.2")
    for location in (
        f"//127.0.0.2:{forbidden.port}/",
        f"///127.0.0.2:{forbidden.port}/",
        f"/\\127.0.0.2:{forbidden.port}/",
    ):
        start = world.listen(redirect(302, location), OK)
        policy = EgressPolicy(allow_networks=(f"127.0.0.1/32={start.port}",), ports=(start.port, forbidden.port))
        if location.startswith("//1") or "\\" in location:
            refused(start.url, policy=policy)
        else:
            get(start.url, policy)
        assert forbidden.connections == 0


@case("https -> http downgrade")
def _(world):
    ca = trustme.CA()
    plain = world.listen()
    secure = world.listen(redirect(302, plain.url), tls=served(ca.issue_cert("127.0.0.1")))
    assert "from https to http" in refused(secure.url, tls=trusting(ca))
    assert plain.connections == 0


@case("loop / more than 5 hops")
def _(world):
    loop = world.listen(redirect(302, "/loop"))
    assert failed(loop.url) == "The call was redirected more than 5 times."
    assert loop.connections == 6
    two = world.listen(redirect(302, loop.url))
    assert "more than 5 times" in failed(two.url)


@case("cross-origin: Authorization, Cookie, X-Api-Key, any user header")
def _(world):
    other = world.listen()
    for status in (301, 302, 303, 307, 308):
        for location in (other.url, other.url.replace("127.0.0.1", "localhost")):
            start = world.listen(redirect(status, location))
            get(start.url, LOOPBACK, Names(localhost=[["127.0.0.1"]]), headers=SECRETS)
            assert "secret" in start.heads[0]
    assert other.connections == 10
    assert all(
        "secret" not in head and "Idempotency-Key" not in head and "X-Attempt" not in head for head in other.heads
    )


@case("307/308 with body to another origin")
def _(world):
    other = world.listen()
    for status in (301, 302, 307, 308):
        start = world.listen(redirect(status, other.url))
        said = refused(start.url, method="PUT", data="secret", has_data=True)
        assert "would send the body" in said
    assert other.connections == 0
    start = world.listen(redirect(303, other.url))
    get(start.url, LOOPBACK, method="PUT", data="secret", has_data=True, headers=SECRETS)
    assert b"secret" not in other.received[0]


@case("Location with user:pass@")
def _(world):
    other = world.listen()
    for location in (
        f"http://u:p@127.0.0.1:{other.port}/",
        f"//u@127.0.0.1:{other.port}/",
        f"http://127.0.0.1:{other.port}@x/",
    ):
        start = world.listen(redirect(302, location))
        assert "credentials" in refused(start.url)
    assert other.connections == 0


@case("public name on hop 1, rebinding on hop 2")
def _(world):
    forbidden = world.listen(address="127.0.0.2")
    start = world.listen(redirect(302, f"http://rebind.test:{forbidden.port}/again"), port=0)
    policy = EgressPolicy(allow_networks=("127.0.0.1/32=*",))
    names = Names(**{"rebind.test": [["127.0.0.1"], ["127.0.0.2"]]})
    assert "not public" in refused(f"http://rebind.test:{start.port}/", names, policy=policy)
    assert names.asked == ["rebind.test", "rebind.test"]
    assert (start.connections, forbidden.connections) == (1, 0)


@case("value with CR LF / LF / NUL / other control")
def _(world):
    for value in ("a\r\nX: y", "a\ny", "a\0b", "\x7f", "a\rb", "\x1b[2J", "a\x0bb"):
        assert violations(headers={"X": value}) == {"task.headers"}
        with nothing_is_sent(listener := world.listen()):
            assert "control character" in failed(listener.url, headers={"X": value})


@case("name with space, CR LF, non-ASCII")
def _(world):
    for name in ("X Y", "X\r\nY", "Ünï", "", "X:", "X\0", " X", "X\t", "(X)", "X:Y"):
        assert violations(headers={name: "a"}) == {"task.headers"}
        with nothing_is_sent(listener := world.listen()):
            assert "no header name" in failed(listener.url, headers={name: "a"})


@case("Host, Transfer-Encoding, Content-Length, Connection, Upgrade, TE, Expect, Proxy-Authorization")
def _(world):
    names = [
        "Host",
        "Transfer-Encoding",
        "Content-Length",
        "Connection",
        "Upgrade",
        "TE",
        "Expect",
        "Proxy-Authorization",
    ]
    for name in [*names, "hOST", "Proxy-Connection", "Keep-Alive", "Trailer", "HTTP2-Settings", "X-Attempt"]:
        assert violations(headers={name: "x"}) == {"task.headers"}
        with nothing_is_sent(listener := world.listen()):
            failed(listener.url, headers={name: "x"})


@case("Metadata-Flavor, X-aws-ec2-metadata-token(-ttl-seconds), X-Forwarded-For")
def _(world):
    headers = {
        "Metadata-Flavor": "Google",
        "X-aws-ec2-metadata-token-ttl-seconds": "60",
        "X-Forwarded-For": "127.0.0.1",
    }
    get(world.listen().url, LOOPBACK, headers=headers)
    with nothing_is_sent():
        assert "not public" in refused("http://169.254.169.254/latest/api/token", headers=headers, method="PUT")


@case("more than 64 headers or 16 KiB in all")
def _(world):
    assert violations(headers={f"X-{number}": "a" for number in range(65)}) == {"task.headers"}
    assert violations(headers={"X": "ü" * 8192}) == {"task.headers"}
    with nothing_is_sent(listener := world.listen()):
        failed(listener.url, headers={"X": "a" * 16_385})


@case("CONNECT, TRACE, lower case, with space/NUL/CRLF")
def _(world):
    for method in (
        "CONNECT",
        "TRACE",
        "get",
        "GET ",
        "GET\0",
        "GET /x HTTP/1.1\r\nX: y\r\n\r\nGET",
        "\uff27\uff25\uff34",
        "TRACK",
        "PRI",
    ):
        assert violations(method=method) == {"task.method"}
        with nothing_is_sent(listener := world.listen()):
            failed(listener.url, method=method)


@case("CR, LF, TAB, space, NUL, DEL, backslash, userinfo, empty host, length > 2048")
def _(world):
    listener = world.listen()
    inside = [f"{listener.url}/a{character}b" for character in "\r\n\t \0\x7f\\\x0b\x85\u2028\u202e"]
    for url in [*inside, f"http://u:p@127.0.0.1:{listener.port}/", "http:///x", f"{listener.url}/{'a' * 2048}"]:
        assert violations(api_url=url) == {"task.api_url"}
        with nothing_is_sent(listener):
            refused(url)
    # In parameters they are encoded, and frame nothing.
    get(listener.url, LOOPBACK, params={"a\r\nX: y": "b\r\n\r\nGET / HTTP/1.1\0"})
    first, *others = listener.heads[0].split("\r\n")
    assert first == "GET /?a%0D%0AX%3A%20y=b%0D%0A%0D%0AGET%20%2F%20HTTP%2F1.1%00 HTTP/1.1"
    assert not [line for line in others if line.startswith(("X: y", "GET"))]


def endlessly(data: bytes, head: bytes = b"", pause: float = 0.0) -> Callable[[Any], None]:
    def reply(connection: Any) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(data)
            time.sleep(pause)

    return reply


@case("endless body / larger than limit")
def _(world):
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"):
        _, answer = get(world.listen(endlessly(b"x" * 65_536, head)).url, LOOPBACK)
        assert (len(answer.body), answer.truncated) == (256 * 1024, True)
    chunks = endlessly(b"1\r\nx\r\n" * 10_000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _, answer = get(world.listen(chunks).url, LOOPBACK)
    assert answer.truncated
    one_chunk = endlessly(b"x" * 65_536, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n")
    assert get(world.listen(one_chunk).url, LOOPBACK)[1].truncated


def encoded(encoding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@case("gzip bomb 300 MiB, gzip in gzip 200 MiB, br/zstd bombs")
def _(world):
    zeros = zlib.compressobj(1, wbits=31)
    gzipped = b"".join(zeros.compress(b"\0" * MIB) for _ in range(300)) + zeros.flush()
    twice = gzip.compress(gzipped, 1)
    bombs = {
        "gzip": gzipped,
        "x-gzip": gzipped,
        "GZIP": gzipped,
        "gzip, gzip": twice,
        "gzip,gzip , gzip": gzip.compress(twice, 1),
        "deflate": zlib.compress(b"\0" * (50 * MIB), 1),
        "deflate, gzip": gzip.compress(zlib.compress(b"\0" * (50 * MIB), 1), 1),
    }
    executor_url = {name: world.listen(encoded(name, bomb)).url for name, bomb in bombs.items()}
    for name, url in executor_url.items():
        outcome = world.outcome(url)
        result = json.loads(outcome.result_json)
        assert (
            len(base64.b64decode(result["body"])) if result["body_encoding"] == "base64" else len(result["body"])
        ) == 256 * 1024
        assert result["body_truncated"] is True, name
        assert outcome.usage.peak_memory_bytes < 110 * MIB, (name, outcome.usage)
    # Not asked for, so not decoded, whatever is installed here.
    bomb = brotli.compress(b"\0" * (50 * MIB), quality=1)
    for name in ("br", "zstd", "compress", "identity, br", "br, gzip", "gzip, br"):
        assert get(world.listen(encoded(name, bomb)).url, LOOPBACK)[1].body == bomb[: 256 * 1024]
    layers = gzipped[:0] + b"x"
    for _ in range(7):
        layers = gzip.compress(layers)
    failed(world.listen(encoded(", ".join(["gzip"] * 7), layers)).url)


@case("slow drip body, slow drip headers, silent server")
def _(world):
    def silent(connection: Any) -> None:
        connection.recv(1)

    for reply in (
        endlessly(b".", b"HTTP/1.1 200 OK\r\n\r\n", 0.05),
        endlessly(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n", 0.05),
        endlessly(b"H", b"", 0.05),
        endlessly(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0.05),
        silent,
    ):
        started = time.monotonic()
        outcome = world.outcome(world.listen(reply).url, timeout=0.5)
        assert outcome.failure_reason is FailureReason.TIMEOUT
        assert time.monotonic() - started < 10


@case("5000 headers, 100 KiB header line, endless 1xx")
def _(world):
    start = b"HTTP/1.1 200 OK\r\n"
    for answer in (
        start + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"\r\n",
        start + b"X: " + b"y" * 102_400 + b"\r\n\r\n",
        start + b"".join(b"X-%d: %b\r\n" % (number, b"y" * 1000) for number in range(90)) + b"\r\n",
        b"HTTP/1.1 200 " + b"y" * 102_400 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + OK,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ):
        failed(world.listen(answer).url)
    for endless in (endlessly(b"X: y\r\n" * 10_000, start), endlessly(b"y" * 65_536, b"HTTP/1.1 200 ")):
        failed(world.listen(endless).url)
    hints = world.listen(endlessly(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.001))
    assert world.outcome(hints.url, timeout=0.5).failure_reason is FailureReason.TIMEOUT


@case("wrong Content-Length, bad chunk, bad encoding, binary body")
def _(world):
    ok = b"HTTP/1.1 200 OK\r\n"
    chunked = ok + b"Transfer-Encoding: chunked\r\n\r\n"
    for broken in (
        ok + b"Content-Length: 10\r\n\r\nabc",
        ok + b"Content-Length: 3, 4\r\n\r\nabc",
        ok + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        chunked + b"zz\r\nabc",
        chunked + b"-3\r\nabc",
        chunked + b"3\r\nabc\r\n",
        chunked + b"\r\n",
        chunked + b"3;x=" + b"y" * 100_000 + b"\r\nabc\r\n0\r\n\r\n",
        chunked + b"f" * 5_000 + b"\r\nabc",
        encoded("gzip", b"no gzip at all"),
        encoded("deflate", b"no deflate at all"),
        b"",
        b"\0" * 1000,
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
    ):
        outcome = world.outcome(world.listen(broken).url)
        assert outcome.failure_reason is FailureReason.REQUEST_FAILED, (broken[:200], outcome)
        assert outcome.error.isprintable()
    for odd in (
        ok + b"Content-Length: 4\r\n\r\n\0\xff\xfe\x80",
        ok + b"Content-Length: abc\r\n\r\n\0\xff\xfe\x80",
        ok + b"Content-Length: -1\r\n\r\n\0\xff\xfe\x80",
        ok + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n4\r\n\0\xff\xfe\x80\r\n0\r\n\r\n",
        chunked + b"4;ext=1\r\n\0\xff\xfe\x80\r\n0\r\nTrailer: x\r\n\r\n",
    ):
        result = json.loads(world.outcome(world.listen(odd).url).result_json)
        assert (base64.b64decode(result["body"]), result["body_encoding"]) == (b"\0\xff\xfe\x80", "base64")


@case("Set-Cookie")
def _(world):
    listener = world.listen(
        b"HTTP/1.1 302 Go\r\nLocation: /again\r\nSet-Cookie: session=theirs; Path=/\r\nContent-Length: 0\r\n\r\n", OK
    )
    for _ in range(2):
        world.outcome(listener.url)
    assert listener.connections == 3
    assert all("theirs" not in head for head in listener.heads)


@case("HTTP_PROXY/HTTPS_PROXY/ALL_PROXY/NO_PROXY")
def _(world):
    proxy, target = world.listen(), world.listen()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        world.monkeypatch.setenv(name, proxy.url)
    world.monkeypatch.setenv("NO_PROXY", "")
    get(target.url, LOOPBACK)
    assert world.outcome_here(target.url).status is ExecutionStatus.SUCCESS
    assert (proxy.connections, target.connections) == (0, 2)


@case("~/.netrc, NETRC")
def _(world):
    netrc = world.tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login worker password geheim\ndefault login worker password geheim\n")
    netrc.chmod(0o600)
    world.monkeypatch.setenv("HOME", str(world.tmp_path))
    world.monkeypatch.setenv("NETRC", str(netrc))
    target = world.listen()
    get(target.url, LOOPBACK)
    world.outcome_here(target.url)
    assert target.connections == 2
    assert all("Authorization" not in head for head in target.heads)


@case("REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSLKEYLOGFILE")
def _(world):
    ca, key_log = trustme.CA(), world.tmp_path / "keys"
    ca.cert_pem.write_to_path(str(world.tmp_path / "ca.pem"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        world.monkeypatch.setenv(name, str(world.tmp_path / "ca.pem"))
    world.monkeypatch.setenv("SSL_CERT_DIR", str(world.tmp_path))
    world.monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    target = world.listen(tls=served(ca.issue_cert("127.0.0.1")))
    assert "not trusted" in world.outcome_here(target.url).error
    assert world.outcome_here(target.url, ca_file=world.tmp_path / "ca.pem").status is ExecutionStatus.SUCCESS
    assert not key_log.exists()
    assert len(target.received) == 1


def served(certificate: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = create_urllib3_context()
    ca.configure_trust(context)
    return context


@case("self-signed, expired, wrong name, name matches only the IP")
def _(world):
    ca, stranger = trustme.CA(), trustme.CA()
    names = Names(**{"service.test": [["127.0.0.1"]]})
    certificates = (
        ca.issue_cert("service.test", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        ca.issue_cert("other.test"),
        ca.issue_cert("127.0.0.1"),
        ca.issue_cert("*.service.test"),
        ca.issue_cert("*.test.service"),
        ca.issue_cert(common_name="service.test"),
        stranger.issue_cert("service.test"),
    )
    for certificate in certificates:
        target = world.listen(tls=served(certificate))
        said = failed(f"https://service.test:{target.port}/", resolve=names, tls=trusting(ca))
        assert "service.test is not trusted" in said
        assert (target.connections, target.received) == (1, [])
    fine = world.listen(tls=served(ca.issue_cert("service.test")))
    get(f"https://service.test:{fine.port}/", LOOPBACK, names, trusting(ca))


def test_old_tls_is_not_spoken(world):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(world.tmp_path / "ca.pem"))
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = served(ca.issue_cert("127.0.0.1"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        target = world.listen(tls=context)
        outcome = world.outcome_here(target.url, ca_file=world.tmp_path / "ca.pem")
        assert "No TLS connection" in outcome.error
        assert target.received == []


@case("NXDOMAIN, timeout, >20 answers, CNAME chain to private, AAAA private + A public")
def _(world):
    def silent(_host: str, _port: int) -> Any:
        raise TimeoutError

    public = "93.184.216.34"
    names = Names(
        **{
            "none.test": [[]],
            "many.test": [[public] * 21],
            "chain.test": [["10.0.0.1"]],
            "mixed.test": [["fd00::1", public]],
            "last.test": [[public] * 19 + ["127.0.0.1"]],
        }
    )
    with nothing_is_sent():
        for url in ("http://none.test/", "http://unknown.test/"):
            assert "does not resolve" in failed(url, resolve=names)
        assert "does not resolve" in failed("http://slow.test/", resolve=silent)
        for name in ("many", "chain", "mixed", "last"):
            refused(f"http://{name}.test/", names, policy=EgressPolicy())


@case("answer changes between two look-ups (rebinding)")
def _(world):
    forbidden = world.listen(address="127.0.0.2")
    target = world.listen(port=0)
    names = Names(**{"rebind.test": [["127.0.0.1"], ["127.0.0.2"]]})
    get(f"http://rebind.test:{target.port}/", EgressPolicy(allow_networks=("127.0.0.1/32=*",)), names)
    assert names.asked == ["rebind.test"]
    assert (target.connections, forbidden.connections) == (1, 0)


def test_a_refusal_is_final_and_its_words_tell_no_address(world):
    assert FailureReason.EGRESS_DENIED in NEVER_RETRIED
    names = Names(**{"inner.test": [["10.20.30.40"]]})
    said = refused("http://inner.test/", names, policy=EgressPolicy(deny_networks=("10.0.0.0/8",)))
    assert said == "Calls to inner.test port 80 are not allowed: the operator denies the address."


def test_what_an_answer_says_frames_no_later_request(world):
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 302 Go\r\nLocation: http://127.0.0.2/\r\n\r\n"
    target = world.listen(smuggled)
    _, answer = get(target.url, LOOPBACK)
    assert (answer.status, answer.body, target.connections) == (200, b"ok", 1)
    assert "Connection: close" in target.heads[0]
    folded = world.listen(b"HTTP/1.1 302 Go\r\nLocation: /a\r\n b\r\nContent-Length: 0\r\n\r\n", OK)
    assert "space or a control" in refused(folded.url)
