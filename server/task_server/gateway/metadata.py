"""HTTP headers to gRPC metadata and back (runtime/context.go and mux.go of the official gateway)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Final

from task_server.gateway.errors import invalid_request

Headers = Sequence[tuple[bytes, bytes]]
Metadata = tuple[tuple[str, str | bytes], ...]

REQUEST_ID: Final = "x-request-id"
_PREFIX = "grpc-metadata-"
_OWN_PREFIX = "grpcgateway-"
_FORWARDED_FOR = "x-forwarded-for"
_FORWARDED_HOST = "x-forwarded-host"
_MAX_TIMEOUT_SECONDS = 10 * 365 * 86400

# The IANA's permanent request headers, as the official gateway lists them.
_PERMANENT = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-language",
        "accept-ranges",
        "authorization",
        "cache-control",
        "content-type",
        "cookie",
        "date",
        "expect",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-schedule-tag-match",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "referer",
        "user-agent",
        "via",
        "warning",
    }
)
# Keys that belong to the protocol itself; grpc-go never sends them for a caller either.
_RESERVED = frozenset(
    {
        "connection",
        "content-type",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-message",
        "grpc-message-type",
        "grpc-status",
        "grpc-timeout",
        "host",
        "te",
        "transfer-encoding",
        "user-agent",
    }
)
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMEOUT = re.compile(r"([0-9]+)([HMSmun])")
_KEY = re.compile(r"[0-9a-z_.-]+")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")


def caller_request_id(headers: Headers) -> str | None:
    """The request id that the caller gave, under either name."""
    for wanted in (_PREFIX + REQUEST_ID, REQUEST_ID):
        for name, value in headers:
            if name == wanted.encode() and value and _PRINTABLE.fullmatch(value):
                return value.decode("ascii")
    return None


def request_metadata(
    headers: Headers, client: str | None, forwarded: Sequence[str], request_id: str | None
) -> Metadata:
    """Makes the metadata of a call.

    Args:
        headers: of the request, names in lower case.
        client: the address that the request came from.
        forwarded: names of headers that are passed on as they are.
        request_id: the value of `x-request-id`, unless `Grpc-Metadata-X-Request-Id` gives one.

    Raises:
        GatewayError: INVALID_ARGUMENT, a `Grpc-Metadata-…-Bin` header is not base64.
    """
    pairs: list[tuple[str, str | bytes]] = []
    own: dict[str, str] = {} if request_id is None else {REQUEST_ID: request_id}
    forwarded_for: list[str] = []
    host = forwarded_host = ""
    for raw_name, raw in headers:
        name = raw_name.decode("latin-1")
        printable = _PRINTABLE.fullmatch(raw) is not None
        value = raw.decode("latin-1")
        if name == _FORWARDED_FOR:
            # What can not be passed on is left out; the caller's own address is added whatever it sent.
            forwarded_for += [value] if printable else []
        elif name == _FORWARDED_HOST:
            forwarded_host = forwarded_host or (value if printable else "")
        elif name in _PERMANENT:
            if printable:
                if name == "authorization":
                    pairs.append((name, value))
                if name == "host":
                    # net/http of Go takes it out of the headers.
                    host = host or value
                else:
                    pairs.append((_OWN_PREFIX + name, value))
        elif name.startswith(_PREFIX):
            pairs += _custom(name, raw, printable)
        elif name in forwarded and printable and name not in own:
            own[name] = value
    given = {key for key, _ in pairs}
    pairs += [(name, value) for name, value in own.items() if name not in given]
    if forwarded_host or host:
        pairs.append((_FORWARDED_HOST, forwarded_host or host))
    chain = ", ".join([*forwarded_for, client] if client else forwarded_for)
    if chain:
        pairs.append((_FORWARDED_FOR, chain))
    return tuple(pairs)


def _custom(name: str, raw: bytes, printable: bool) -> list[tuple[str, str | bytes]]:
    key = name.removeprefix(_PREFIX)
    if key in {_FORWARDED_FOR, _FORWARDED_HOST} or key.startswith(_OWN_PREFIX) or key in _RESERVED:
        # Backends trust these: only the gateway sets them.
        return []
    if not _KEY.fullmatch(key):
        return []
    if key.endswith("-bin"):
        try:
            return [(key, base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True))]
        except binascii.Error:
            reason = f"invalid binary header {name}: it is not base64"
            raise invalid_request(reason) from None
    return [(key, raw.decode("ascii"))] if printable else []


def request_timeout(headers: Headers) -> float | None:
    """Reads `Grpc-Timeout` in seconds; None for no deadline, which zero means too.

    Raises:
        GatewayError: INVALID_ARGUMENT, it is none.
    """
    text = next((value.decode("latin-1") for name, value in headers if name == b"grpc-timeout"), "")
    if not text:
        return None
    match = _TIMEOUT.fullmatch(text)
    if match is None or int(match[1][:21]) >= 2**64:
        reason = f"invalid grpc-timeout: {text[:50]}"
        raise invalid_request(reason)
    seconds = int(match[1]) * _UNITS[match[2]]
    return min(seconds, _MAX_TIMEOUT_SECONDS) or None


def response_headers(metadata: Iterable[tuple[str, str | bytes]] | None) -> list[tuple[str, str]]:
    """Makes `Grpc-Metadata-…` headers of the metadata that a call answered with; binary values in base64."""
    return [
        (f"Grpc-Metadata-{key}", value if isinstance(value, str) else base64.b64encode(value).decode())
        for key, value in metadata or ()
    ]


def answered_request_id(metadata: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    """The request id that the server answered with."""
    return next((value for key, value in metadata or () if key == REQUEST_ID and isinstance(value, str)), None)
