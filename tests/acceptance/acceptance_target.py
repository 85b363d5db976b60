"""A small HTTP server on loopback for API tasks to call. It keeps what it was asked."""

from __future__ import annotations

import json
import queue
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        received = Received(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.received.put(received)
        kind, _, argument = parts.path.strip("/").partition("/")
        match kind:
            case "status":
                self._send(int(argument), b"status as asked")
            case "size":
                self._send(200, b"x" * int(argument))
            case "drip":
                self._drip()
            case "busy":
                self._be_busy(argument, int(received.query["times"][0]), received.query["retry_after"][0])
            case "redirect":
                self._send(302, b"", Location=received.query["to"][0])
            case _:
                echo = {"method": received.method, "body": received.body.decode("latin-1")}
                self._send(200, json.dumps(echo).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _be_busy(self, name: str, times: int, retry_after: str) -> None:
        """Ask to come back later, so many times for each name."""
        self.server.calls[name] += 1
        if self.server.calls[name] <= times:
            self._send(503, b"busy", **{"Retry-After": retry_after})
        else:
            self._send(200, b"done")

    def _drip(self) -> None:
        """A byte now and then, never an end: no single read is slow."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while not self.server.closing.wait(0.1):
                self.wfile.write(b".")
                self.wfile.flush()
        except OSError:
            return  # the caller gave up, as it should

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: queue.Queue[Received] = queue.Queue()
        self.closing = threading.Event()
        #: Calls of `busy`, by name.
        self.calls: Counter[str] = Counter()


class Target:
    """The running server."""

    def __init__(self) -> None:
        self._server = _Server()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def next_request(self, seconds: float = 20.0) -> Received:
        """The next request that came, waited for."""
        return self._server.received.get(timeout=seconds)

    def has_no_request(self) -> bool:
        return self._server.received.empty()

    def forget(self) -> None:
        """Drop the requests that nobody asked about."""
        while not self.has_no_request():
            self._server.received.get_nowait()

    def close(self) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
