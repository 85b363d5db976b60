"""An HTTP server on loopback that sends back whatever it is sent, in every part of its answer."""

from __future__ import annotations

import base64
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # As they came: the message's own text would have them in MIME's encoding.
        lines = [self.path, *(f"{name}: {value}" for name, value in self.headers.items())]
        head = "\n".join([*lines, ""]).encode("latin-1")
        self.server.received.put(head + body)
        kind = urlsplit(self.path).path.split("/")[1]
        authorization = self.headers.get("Authorization", "")
        if kind == "wait":
            self.server.waiting.set()
            self.server.go_on.wait(30)
        if kind == "again":
            self.send_response(302)
            self.send_header("Location", f"/echo{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if kind == "broken":
            # No status line; what the service says of it quotes it.
            self.wfile.write(authorization.encode() + b"\r\n\r\n")
            return
        everything = head + body + base64.b64encode(head + body)
        text = json.dumps({"echo": everything.decode("latin-1"), "path": self.path}).encode()
        answer = b"\xff\xfe\0" + everything if kind == "binary" else text
        # Cut where it is kept up to, amid the secret.
        if kind == "cut":
            answer = b"x" * (256 * 1024 - len(authorization) + 6) + authorization.encode() + b"y" * 100
        self.send_response(500 if kind == "fail" else 200, f"for {authorization}")
        for name, value in (
            ("Content-Type", "application/octet-stream" if kind == "binary" else "application/json"),
            ("Set-Cookie", "session=of-the-server; HttpOnly"),
            ("X-Echo", authorization),
            ("X-Path", self.path),
            ("Content-Length", str(len(answer))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _answer  # noqa: N815


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: queue.Queue[bytes] = queue.Queue()
        self.waiting, self.go_on = threading.Event(), threading.Event()


class Echo:
    """The running server."""

    def __init__(self) -> None:
        self._server = _Server()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        #: Set while a call of `/wait` is being answered; it is when `go_on` is set.
        self.waiting, self.go_on = self._server.waiting, self._server.go_on
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def has_received(self) -> bool:
        return not self._server.received.empty()

    def received(self) -> list[bytes]:
        """The requests that came so far: path, headers and body as they were."""
        found = []
        while not self._server.received.empty():
            found.append(self._server.received.get_nowait())
        return found

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
