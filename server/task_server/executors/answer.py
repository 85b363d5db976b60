"""An HTTP answer, read within limits, as the result of a run."""

from __future__ import annotations

import base64
import codecs
import json
from dataclasses import dataclass

import requests

from task_server.domain.secret import REDACTED, is_sensitive_header
from task_server.executors.connection import RequestFailed
from task_server.executors.foreign_text import fit_to_show

_CHUNK = 16_384
_MAX_HEADER_BYTES = 64 * 1024
_MAX_REASON_CHARACTERS = 200
#: What a request asks for. Others that urllib3 would decode, where the machine has modules for them, stay as they are.
_ENCODINGS = ["gzip", "x-gzip", "deflate"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    #: The words after the status, as the server gave them.
    reason: str
    #: By name as received; values of the same name are joined by ", ".
    headers: dict[str, str]
    #: Decoded where it came as gzip or deflate, which is what is asked for; cut at the limit.
    body: bytes
    truncated: bool

    def result(self, url: str, elapsed_seconds: float, max_bytes: int) -> bytes:
        """The result as JSON text of at most `max_bytes`: the body as text where it is text, else as base64."""
        text = self.text()
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
            # What a server gives its callers to identify themselves with is as secret as what they send.
            "headers": {name: REDACTED if is_sensitive_header(name) else said for name, said in self.headers.items()},
            "body": body,
            "body_encoding": encoding,
            "body_truncated": self.truncated,
            "elapsed_seconds": round(elapsed_seconds, 6),
        }
        return json.dumps(result, ensure_ascii=False).encode()

    def text(self) -> str | None:
        """The body as text in the charset of its header, UTF-8 where that has none; None where it is no text."""
        charset = _charset(self.headers)
        try:
            # LookupError also for codecs that make no text, such as "zlib", which would unpack a bomb.
            "".encode(charset)
            decoder = codecs.getincrementaldecoder(charset)("strict")
            # A cut body may end within a character.
            text = decoder.decode(self.body, final=not self.truncated)
            text.encode()  # Some codecs make half surrogates, which are no text.
        except (LookupError, ValueError):
            return None
        return None if "\0" in text else text


def read_answer(response: requests.Response, max_body_bytes: int) -> Answer:
    """Read an answer; no more than `max_body_bytes` of its body, counted after decoding.

    Raises RequestFailed where it breaks the rules of HTTP, and what requests raises.
    """
    if response.status_code < 200:
        message = f"The server answered {response.status_code}, which is no final status."
        raise RequestFailed(message)
    headers = dict(response.headers)
    if sum(len(name) + len(value) for name, value in headers.items()) > _MAX_HEADER_BYTES:
        message = f"The headers of the answer are larger than {_MAX_HEADER_BYTES} bytes."
        raise RequestFailed(message)
    body = bytearray()
    named = [each.strip().lower() for each in response.headers.get("Content-Encoding", "").split(",")]
    response.raw.CONTENT_DECODERS = _ENCODINGS if all(each in _ENCODINGS for each in named) else []
    try:
        for part in response.iter_content(_CHUNK):
            body += part
            if len(body) > max_body_bytes:
                break
    except requests.exceptions.ContentDecodingError:
        encoding = fit_to_show(response.headers["Content-Encoding"])
        message = f"The body of the answer is no {encoding}, as its header says."
        raise RequestFailed(message) from None
    return Answer(
        status=response.status_code,
        reason=response.reason[:_MAX_REASON_CHARACTERS],
        headers=headers,
        body=bytes(body[:max_body_bytes]),
        truncated=len(body) > max_body_bytes,
    )


def _charset(headers: dict[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == "content-type":
            for parameter in value.split(";")[1:]:
                key, _, charset = parameter.partition("=")
                if key.strip().lower() == "charset":
                    return charset.strip().strip("\"'")
    return "utf-8"
