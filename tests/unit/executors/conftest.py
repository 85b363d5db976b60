"""A real HTTP server on loopback, and real executors."""

from __future__ import annotations

import contextlib
import gzip
import json
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.unit.executors.calls import ATTEMPT

from task_server.domain.actions import HttpAction
from task_server.domain.outcome import Outcome
from task_server.executors.code import CodeExecutor
from task_server.executors.egress import EgressPolicy
from task_server.executors.executor import AttemptId
from task_server.executors.http import HttpExecutor

CHUNKED = {"Transfer_Encoding": "chunked"}


class Peer(BaseHTTPRequestHandler):
    """Answers what the path asks for, and remembers every request."""

    protocol_version = "HTTP/1.1"
    requests: list[dict[str, Any]]
    #: Set when the test is over, so that no handler keeps a thread.
    over: threading.Event

    def log_message(self, *_args: Any) -> None:
        pass

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        record = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "body": body.decode("latin-1"),
        }
        self.requests.append(record)
        name, _, rest = self.path.split("?")[0].strip("/").partition("/")
        getattr(self, f"on_{name.replace('-', '_')}", self.on_echo)(rest)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond  # noqa: N815 - http.server names them

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    def on_echo(self, _rest: str) -> None:
        self.answer(200, json.dumps(self.requests[-1]).encode(), Content_Type="application/json")

    def on_status(self, rest: str) -> None:
        self.answer(int(rest), b'{"why": "asked"}', Content_Type="application/json")

    def on_unavailable(self, rest: str) -> None:
        self.answer(503, Retry_After=rest)

    def on_redirect(self, rest: str) -> None:
        status, _, location = rest.partition("/")
        self.answer(int(status), Location=location if "://" in location else f"/{location}")

    def on_flooding_redirect(self, _rest: str) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /echo\r\n\r\n")
        with contextlib.suppress(OSError):
            while not self.over.is_set():
                self.wfile.write(b"x" * 65_536)

    def on_cookie(self, _rest: str) -> None:
        self.answer(302, Location="/echo", Set_Cookie="session=of-the-server; Path=/")

    def on_loop(self, _rest: str) -> None:
        self.answer(302, Location="/loop")

    def on_bytes(self, rest: str) -> None:
        self.answer(200, b"x" * int(rest), Content_Type="text/plain")

    def on_binary(self, _rest: str) -> None:
        self.answer(200, bytes(range(256)))

    def on_controls(self, rest: str) -> None:
        self.answer(200, b"\x01" * int(rest), Content_Type="text/plain")

    def on_gbk(self, _rest: str) -> None:
        self.answer(200, "任务".encode("gbk"), Content_Type='text/plain; charset="GBK"')

    def on_chinese(self, rest: str) -> None:
        self.answer(200, ("任" * int(rest)).encode())

    def on_bomb(self, rest: str) -> None:
        zeros = b"\0" * (30 << 20)
        bombs = {
            "gzip": lambda: gzip.compress(zeros, 1),
            "deflate": lambda: zlib.compress(zeros, 1),
            "gzip, gzip": lambda: gzip.compress(gzip.compress(zeros * 10, 1), 1),
        }
        encoding, _, transfer = rest.replace("+", ", ").partition("/")
        bomb = bombs[encoding]()
        if transfer == "chunked":
            self.answer(200, b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb), bomb), Content_Encoding=encoding, **CHUNKED)
        else:
            self.answer(200, bomb, Content_Encoding=encoding)

    def on_gzip(self, _rest: str) -> None:
        self.answer(200, gzip.compress(b"hello ") + gzip.compress(b"world"), Content_Encoding="gzip")

    def on_deflate(self, rest: str) -> None:
        # Servers disagree on whether "deflate" has the header of zlib.
        deflater = zlib.compressobj(wbits={"zlib": zlib.MAX_WBITS, "raw": -zlib.MAX_WBITS}[rest])
        self.answer(200, deflater.compress(b"hello world") + deflater.flush(), Content_Encoding="deflate")

    def on_empty_gzip(self, _rest: str) -> None:
        self.answer(200, Content_Encoding="gzip")

    def on_bad_gzip(self, _rest: str) -> None:
        self.answer(200, b"this is no gzip", Content_Encoding="gzip")

    def on_brotli(self, _rest: str) -> None:
        self.answer(200, b"\x8b\x01\xff", Content_Encoding="br")

    def on_short(self, _rest: str) -> None:
        self.answer(200, b"abc", Content_Length="10")
        self.close_connection = True

    def on_silence(self, _rest: str) -> None:
        self.over.wait()
        self.close_connection = True

    def on_drip(self, _rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.over.wait(0.02):
                self.wfile.write(b".")
                self.wfile.flush()

    def on_continue(self, _rest: str) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.over.wait(0.001):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_early_hints(self, _rest: str) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    def on_hang_up(self, _rest: str) -> None:
        self.close_connection = True

    def on_raw(self, rest: str) -> None:
        self.close_connection = True
        raw = {
            "nonsense": b"hello, I am no HTTP server\r\n",
            "many": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
            "long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
            "large": b"HTTP/1.1 200 OK\r\n"
            + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 60_000) for n in range(5))
            + b"\r\n",
            "cut": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc",
            "longer": b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabcdef",
            "negative": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc",
            "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            "twice": b"HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n",
        }[rest]
        with contextlib.suppress(OSError):
            self.wfile.write(raw)


class CountingServer(ThreadingHTTPServer):
    """Counts connections, also those that come to nothing in the handshake."""

    daemon_threads = True
    connections = 0

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()


class Server:
    """One running server; with TLS when it is given a certificate."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self._over = threading.Event()
        handler = type("Handler", (Peer,), {"requests": self.requests, "over": self._over})
        self._server = CountingServer(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def connections(self) -> int:
        return self._server.connections

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server."""
    servers: list[Server] = []

    def serve_(tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(tls))
        return servers[-1]

    yield serve_
    for server in servers:
        server.close()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def other_server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture(scope="session")
def http_executor() -> Iterator[HttpExecutor]:
    executor = HttpExecutor(egress=EgressPolicy(allow_networks=("127.0.0.0/8=*",)))
    yield executor
    executor.close()


@pytest.fixture(scope="session")
def code_executor() -> Iterator[CodeExecutor]:
    executor = CodeExecutor()
    yield executor
    executor.close()


@pytest.fixture
def call(http_executor: HttpExecutor, server: Server) -> Callable[..., Outcome]:
    """Make a call to the server and give its outcome."""

    def call_(path: str, *, timeout: float = 20.0, attempt: AttemptId = ATTEMPT, **fields: Any) -> Outcome:
        action = HttpAction(url=server.url + path if path.startswith("/") else path, **fields)
        return http_executor.start(action, attempt=attempt, timeout=timeout, log=lambda _text: None).wait()

    return call_
