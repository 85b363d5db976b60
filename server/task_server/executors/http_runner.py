"""What a child does for an API task: send the request, follow redirects, answer with what came back.

It uses the standard library only: no proxies, no netrc, no cookies and no environment to be told to leave alone, one
parser of URLs, and a process half as large as with a client library.
"""

from __future__ import annotations

import http.client
import importlib
import json
import ssl
import time

import certifi

from task_server.domain.actions import HttpAction
from task_server.executors.answer import Answer, read_answer
from task_server.executors.connection import GuardedConnection, RequestFailed, Resolve, resolve_name
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.request import REDIRECTS, Request, first_request
from task_server.sandbox.channel import Channel, failure_frame

_MAX_REDIRECTS = 5
#: What is loaded at first use, which would be in a child that may be unable to open files.
_LATE_MODULES = (
    *("encodings.idna", "encodings.ascii", "encodings.latin_1", "encodings.cp1252", "encodings.utf_16"),
    *("encodings.gbk", "encodings.gb2312", "encodings.gb18030", "encodings.big5", "encodings.shift_jis"),
    *("encodings.euc_jp", "encodings.euc_kr"),
)
#: Made while there is memory.
_OUT_OF_MEMORY = failure_frame("MEMORY_LIMIT", "The run asked for more memory than one run may have.")

_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def prepare() -> None:
    """Load, once for all children, the certificates to trust: the machine's, and Mozilla's for machines without."""
    _tls.load_default_certs()
    _tls.load_verify_locations(certifi.where())
    for name in _LATE_MODULES:
        importlib.import_module(name)


def run(job: bytes, channel: Channel) -> None:
    """Make the call and answer."""
    request = json.loads(job)
    action = HttpAction(**request["action"] | {"expected_status": tuple(request["action"]["expected_status"])})
    policy = EgressPolicy(
        allow_networks=tuple(request["egress"]["allow_networks"]), ports=tuple(request["egress"]["ports"])
    )
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
    host = request.target.host
    connection = GuardedConnection(request.target, policy, tls, resolve)
    try:
        connection.request(request.method, request.target.path, body=request.body, headers=request.all_headers())
        response = connection.getresponse()
        return response.getheader("Location"), read_answer(response, max_body_bytes)
    except ssl.SSLCertVerificationError as error:
        message = f"The certificate of {host} is not trusted: {error.verify_message}."
    except ssl.SSLError as error:
        message = f"No TLS connection to {host}: {(error.reason or 'the handshake failed').replace('_', ' ').lower()}."
    except http.client.RemoteDisconnected:
        message = f"{host} closed the connection without an answer."
    except http.client.IncompleteRead:
        message = f"The answer of {host} ended early."
    except http.client.HTTPException as error:
        message = f"The answer of {host} breaks the rules of HTTP: {(str(error) or type(error).__name__)[:200]}."
    except OSError as error:
        message = f"The connection to {host} broke: {error.strerror or type(error).__name__}."
    finally:
        connection.close()
    raise RequestFailed(message)


def _is_expected(status: int, expected: tuple[int, ...]) -> bool:
    return status in expected if expected else 200 <= status < 300


def _unexpected(answer: Answer, action: HttpAction) -> str:
    wanted = " or ".join(map(str, action.expected_status)) or "2xx"
    return f"expected status {wanted}, got {answer.status} {answer.reason}".rstrip()
