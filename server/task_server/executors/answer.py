"""An HTTP answer, read within limits, as the result of a run."""

from __future__ import annotations

import base64
import codecs
import http.client
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from task_server.executors.connection import RequestFailed

_CHUNK = 16_384
_MAX_HEADER_BYTES = 64 * 1024
_MAX_REASON_CHARACTERS = 200
#: zlib: detect gzip or zlib by the header.
_ANY_ZLIB_FORMAT = 47


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    #: The words after the status, as the server gave them.
    reason: str
    #: By name as received; values of the same name are joined by ", ".
    headers: dict[str, str]
    #: Decoded, and cut at the limit.
    body: bytes
    truncated: bool

    def result(self, url: str, elapsed_seconds: float, max_bytes: int) -> bytes:
        """The result as JSON text of at most `max_bytes`: the body as text where it is text, else as base64."""
        text = self._text()
        if text is not None:
            result = self._json(url, elapsed_seconds, text, "text")
            if len(result) <= max_bytes:
                return result
        # Also for text that grows when escaped: base64 grows by a third and no more.
        return self._json(url, elapsed_seconds, base64.b64encode(self.body).decode("ascii"), "base64")

    def _json(self, url: str, elapsed_seconds: float, body: str, encoding: str) -> bytes:
        result = {
            "status": self.status,
            "reason": self.reason,
            "url": url,
            "headers": self.headers,
            "body": body,
            "body_encoding": encoding,
            "body_truncated": self.truncated,
            "elapsed_seconds": round(elapsed_seconds, 6),
        }
        return json.dumps(result, ensure_ascii=False).encode()

    def _text(self) -> str | None:
        try:
            decoder = codecs.getincrementaldecoder(_charset(self.headers))("strict")
            # A cut body may end within a character.
            text = decoder.decode(self.body, final=not self.truncated)
        except (LookupError, ValueError):
            return None
        if type(text) is not str or "\0" in text:
            return None
        return text


def read_answer(response: http.client.HTTPResponse, max_body_bytes: int) -> Answer:
    """Read an answer; no more than `max_body_bytes` of its body, counted after decoding.

    Raises RequestFailed where it breaks the rules of HTTP, and what http.client raises.
    """
    if response.status < 200:
        message = f"The server answered {response.status}, which is no final status."
        raise RequestFailed(message)
    headers: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, value in response.getheaders():
        known = spelling.setdefault(name.lower(), name)
        headers[known] = f"{headers[known]}, {value}" if known in headers else value
    if sum(len(name) + len(value) for name, value in headers.items()) > _MAX_HEADER_BYTES:
        message = f"The headers of the answer are larger than {_MAX_HEADER_BYTES} bytes."
        raise RequestFailed(message)
    body = bytearray()
    for part in _decoded(response, headers, spelling):
        body += part
        if len(body) > max_body_bytes:
            break
    return Answer(
        status=response.status,
        reason=response.reason[:_MAX_REASON_CHARACTERS],
        headers=headers,
        body=bytes(body[:max_body_bytes]),
        truncated=len(body) > max_body_bytes,
    )


def _decoded(response: http.client.HTTPResponse, headers: dict[str, str], spelling: dict[str, str]) -> Iterator[bytes]:
    encoding = headers.get(spelling.get("content-encoding", ""), "").strip().lower()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        # Also encodings that nobody asked for: they are handed on as they are.
        yield from _raw(response)
        return
    decoder = zlib.decompressobj(_ANY_ZLIB_FORMAT)
    try:
        for data in _raw(response):
            waiting = data
            while waiting:
                yield decoder.decompress(waiting, _CHUNK)
                waiting = decoder.unconsumed_tail
                if decoder.eof:
                    waiting = decoder.unused_data
                    decoder = zlib.decompressobj(_ANY_ZLIB_FORMAT)
    except zlib.error:
        message = f"The body of the answer is no {encoding}, as its header says."
        raise RequestFailed(message) from None


def _raw(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while part := response.read(_CHUNK):
        yield part
    if response.length:
        message = f"The answer ended {response.length} bytes early."
        raise RequestFailed(message)


def _charset(headers: dict[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == "content-type":
            for parameter in value.split(";")[1:]:
                key, _, charset = parameter.partition("=")
                if key.strip().lower() == "charset":
                    return charset.strip().strip("\"'")
    return "utf-8"
