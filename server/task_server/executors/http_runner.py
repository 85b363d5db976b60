"""What a child does for an API task: send the request, follow redirects, answer with what came back."""

from __future__ import annotations

import http.client
import importlib
import json
import ssl
import time
from collections.abc import Iterator

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError
from urllib3.util import create_urllib3_context

from task_server.domain.actions import HttpAction
from task_server.executors.answer import Answer, read_answer
from task_server.executors.connection import Dialer, RequestFailed, Resolve, resolve_name
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request import REDIRECTS, Request, first_request
from task_server.executors.session import GuardedSession
from task_server.sandbox.channel import Channel, failure_frame

_MAX_REDIRECTS = 5
#: What is loaded at first use, which would be in a child that may be unable to open files.
_LATE_MODULES = (
    *("encodings.idna", "encodings.punycode", "encodings.ascii", "encodings.latin_1", "encodings.cp1252"),
    *("encodings.utf_16", "encodings.gbk", "encodings.gb2312", "encodings.gb18030", "encodings.big5"),
    *("encodings.shift_jis", "encodings.euc_jp", "encodings.euc_kr"),
)
#: Made while there is memory.
_OUT_OF_MEMORY = failure_frame("MEMORY_LIMIT", "The run asked for more memory than one run may have.")

_tls = create_urllib3_context()


def prepare() -> None:
    """Load, once for all children, the certificates to trust: the machine's, and Mozilla's for machines without."""
    _tls.load_default_certs()
    _tls.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    for name in _LATE_MODULES:
        importlib.import_module(name)


def run(job: bytes, channel: Channel) -> None:
    """Make the call and answer."""
    request = json.loads(job)
    action = HttpAction(**request["action"] | {"expected_status": tuple(request["action"]["expected_status"])})
    policy = EgressPolicy(
        allow_networks=tuple(request["egress"]["allow_networks"]), ports=tuple(request["egress"]["ports"])
    )
    if request["ca_certificates"]:
        _tls.load_verify_locations(cadata=request["ca_certificates"])
    started = time.monotonic()
    try:
        last, answer = call(action, policy, _tls, max_body_bytes=request["max_body_bytes"])
        channel.result(answer.result(last.target.url, time.monotonic() - started, channel.max_result))
        if not _is_expected(answer.status, action.expected_status):
            channel.failure("UNEXPECTED_STATUS", _unexpected(answer, action))
    except EgressDenied as error:
        channel.failure("EGRESS_DENIED", str(error))
    except RequestFailed as error:
        channel.failure("REQUEST_FAILED", str(error))
    except MemoryError:
        channel.write(_OUT_OF_MEMORY)


def call(
    action: HttpAction,
    policy: EgressPolicy,
    tls: ssl.SSLContext,
    *,
    max_body_bytes: int,
    resolve: Resolve = resolve_name,
) -> tuple[Request, Answer]:
    """Send the request and follow redirects, each of which is judged as the first was.

    Answers with the last request and its answer. Raises EgressDenied and RequestFailed.
    """
    request = first_request(action)
    for _ in range(_MAX_REDIRECTS + 1):
        location, answer = _exchange(request, policy, tls, max_body_bytes, resolve)
        wanted = answer.status in action.expected_status
        if answer.status not in REDIRECTS or location is None or wanted:
            return request, answer
        request = request.redirected(answer.status, location)
    message = f"The call was redirected more than {_MAX_REDIRECTS} times."
    raise RequestFailed(message)


def _exchange(
    request: Request, policy: EgressPolicy, tls: ssl.SSLContext, max_body_bytes: int, resolve: Resolve
) -> tuple[str | None, Answer]:
    with GuardedSession(Dialer(request.target, policy, resolve), tls) as session:
        try:
            with session.send(request.prepared(), stream=True, allow_redirects=False) as response:
                return response.headers.get("Location"), read_answer(response, max_body_bytes)
        except (requests.RequestException, HTTPError, ValueError) as error:
            # ValueError: what the parser of chunks lets out where a length is no length.
            raise RequestFailed(_failure(request.target.host, error)) from error


def _failure(host: str, error: Exception) -> str:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"The certificate of {host} is not trusted: {cause.verify_message.rstrip('.')}."
            case ssl.SSLError():
                reason = (cause.reason or "the handshake failed").replace("_", " ").lower()
                return f"No TLS connection to {host}: {reason}."
            case http.client.RemoteDisconnected():
                return f"{host} closed the connection without an answer."
            case http.client.IncompleteRead() if (cause.expected or 0) >= 0:
                missing = f"{cause.expected} bytes early" if cause.expected else "early"
                return f"The answer of {host} ended {missing}."
            case http.client.HTTPException():
                return _broken_rules(host, cause)
            case OSError() if not isinstance(cause, requests.RequestException):
                return f"The connection to {host} broke: {cause.strerror or type(cause).__name__}."
    return _broken_rules(host, error)


def _broken_rules(host: str, error: BaseException) -> str:
    # On one line: the message may quote what the server sent.
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return f"The answer of {host} breaks the rules of HTTP: {said}."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # requests and urllib3 wrap, once or twice, what the standard library raised.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_expected(status: int, expected: tuple[int, ...]) -> bool:
    return status in expected if expected else 200 <= status < 300


def _unexpected(answer: Answer, action: HttpAction) -> str:
    wanted = " or ".join(map(str, action.expected_status)) or "2xx"
    return f"expected status {wanted}, got {answer.status} {answer.reason}".rstrip()
