"""One HTTP request and its response, over ASGI."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate

from starlette.types import Receive, Scope, Send

from task_server.gateway.metadata import Headers

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class CallerGoneError(Exception):
    """The caller hung up before the whole request was there."""


class BodyTooLargeError(Exception):
    """The request body is longer than the limit."""


class Exchange:
    """One request and its response.

    Attributes:
        method: the HTTP method.
        target: the path as it came, still escaped.
        query: the query string, still escaped.
        headers: of the request, names in lower case.
        client: the caller's address, None where the transport has none.
        request_id: goes back as `X-Request-Id` where it is set.
        started: whether the response has begun.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.target: bytes = scope.get("raw_path") or scope["path"].encode()
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Headers = scope["headers"]
        self.client: str | None = scope["client"][0] if scope.get("client") else None
        self.request_id: str | None = None
        self.started = False
        self._receive = receive
        self._send = send

    async def body(self, limit: int, keep: Callable[[int], None]) -> bytes:
        """Reads the request body, and calls `keep` with the size of each part before it waits for the next one.

        Raises:
            BodyTooLargeError: it is longer than `limit` bytes.
            CallerGoneError: the caller hung up.
        """
        # One piece of memory: many small parts would each take more than they hold.
        body = bytearray()
        length = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGoneError
            part = message.get("body", b"")
            length += len(part)
            if length <= limit:
                body += part
                keep(len(part))
            elif length > 2 * limit:
                # Up to here the rest is taken in and dropped, so that a caller who is still sending gets to read the answer.
                raise BodyTooLargeError
            if not message.get("more_body", False):
                break
        if length > limit:
            raise BodyTooLargeError
        return bytes(body)

    async def gone(self) -> None:
        """Returns when the caller has hung up. What is left of the request body is dropped."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, http_status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Sends the status and the headers."""
        self.started = True
        raw = [(b"date", _now()), *((name.lower().encode("latin-1"), _header_value(value)) for name, value in headers)]
        if self.request_id is not None:
            raw.append((b"x-request-id", _header_value(self.request_id)))
        await self._send({"type": "http.response.start", "status": http_status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Sends a part of the body and waits while the caller reads too slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Sends the last part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def respond(self, http_status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Sends a whole response."""
        await self.start(http_status, [*headers, ("content-length", str(len(body)))])
        await self.finish(body)


def has_bad_escape(target: bytes) -> bool:
    """Whether a path has a `%` that two hexadecimal digits do not follow."""
    return _BAD_ESCAPE.search(target) is not None


def _header_value(text: str) -> bytes:
    return _CONTROL.sub(b" ", text.encode("utf-8", "replace")).strip()


def _now() -> bytes:
    return formatdate(time.time(), usegmt=True).encode()
