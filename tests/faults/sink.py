"""The ledger of side effects: a local HTTP server that API tasks call, each with a key of its own in the path."""

from __future__ import annotations

import collections
import select
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

_LOOK_SECONDS = 0.05


class Call(NamedTuple):
    """A call as it came."""

    key: str
    #: Seconds since the epoch.
    at: float
    status: int
    #: When it was answered, or its caller was gone; 0 while neither is.
    over: float = 0.0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def do_POST(self) -> None:
        """`/call/KEY`, `/slow/KEY/SECONDS`, `/fail/KEY/TIMES` and `/busy/KEY/TIMES/RETRY_AFTER`."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, key, *arguments = self.path.strip("/").split("/")
        failing = kind in ("fail", "busy") and self.server.count(key) < int(arguments[0])
        status = 503 if failing else 200
        number = self.server.note(Call(key, time.time(), status))
        if kind == "slow":
            self._wait(float(arguments[0]))
        self.server.end(number)
        try:
            self.send_response(status)
            if failing and kind == "busy":
                self.send_header("Retry-After", arguments[1])
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            return  # the caller was killed meanwhile, as happens here

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until the caller is gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.server.closing.is_set():
            # It has said all: what can be read now is the end of the connection.
            if select.select([self.connection], [], [], min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))[0]:
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    #: All workers may call at once.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.closing = threading.Event()
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self._counts: collections.Counter[str] = collections.Counter()

    def count(self, key: str) -> int:
        with self._lock:
            return self._counts[key]

    def note(self, call: Call) -> int:
        with self._lock:
            self._counts[call.key] += 1
            self.calls.append(call)
            return len(self.calls) - 1

    def end(self, number: int) -> None:
        with self._lock:
            self.calls[number] = self.calls[number]._replace(over=time.time())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed breaks its connection; that is no news here."""


class Sink:
    """The running server."""

    def __init__(self) -> None:
        self._server = _Server()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sink")
        self._thread.start()

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in order."""
        return list(self._server.calls)

    def close(self) -> None:
        """End it, and whatever still waits in it."""
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
