"""A small HTTP service for the demo: POST /orders with JSON answers 201 with the order's number and total."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

_numbers = count(1001)


class OrderHandler(BaseHTTPRequestHandler):
    """Takes orders."""

    def do_POST(self) -> None:
        """Adds up the order's lines."""
        if self.path != "/orders" or self.headers["Content-Type"] != "application/json":
            self._answer(404, {"error": "POST /orders takes application/json"})
            return
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        total = sum(line["units"] * line["price"] for line in order["lines"])
        self._answer(201, {"number": next(_numbers), "customer": order["customer"], "total": round(total, 2)})

    def log_message(self, *_: Any) -> None:
        """Keeps quiet: the demo shows what matters."""

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def order_service() -> Iterator[str]:
    """Serves on a free port of this machine and gives the URL for orders."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OrderHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/orders"
        finally:
            server.shutdown()
