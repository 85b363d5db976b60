"""What a child does for an API task: send the request, follow redirects, answer with what came back."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError
from urllib3.util import create_urllib3_context

from task_server.domain.actions import HttpAction
from task_server.domain.assertions import read_assertion
from task_server.executors.answer import Answer, read_answer
from task_server.executors.assertions import broken_assertion
from task_server.executors.connection import Dialer, DirectDialer, RequestFailed
from task_server.executors.egress import EgressDenied, EgressPolicy
from task_server.executors.egress_proxy import EgressProxy
from task_server.executors.executor import AttemptId
from task_server.executors.foreign_text import fit_to_show
from task_server.executors.request import REDIRECTS, Request, first_request
from task_server.executors.request_rules import Target
from task_server.executors.session import GuardedSession
from task_server.executors.tunnel import TunnelDialer
from task_server.sandbox.channel import Channel, failure_frame
from task_server.sandbox.profile import NETWORK_PROFILE

PROFILE = NETWORK_PROFILE

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
    """Read, once for all children, all that calls need: modules, and the certificates to trust.

    A child opens nothing by itself. The resolver of the C library does, in `getaddrinfo` and nowhere else: /etc/hosts, resolv.conf,
    nsswitch.conf, host.conf, gai.conf and services, and sockets to the name servers (or to nscd or resolved on this machine).
    Whatever closes the file system must leave it these. Its plugins are loaded here.
    """
    _load_machine_certificates()
    _tls.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    for name in _LATE_MODULES:
        importlib.import_module(name)
    with contextlib.suppress(OSError):
        # A name that the hosts file has: no packet is sent.
        socket.getaddrinfo("localhost", None)


def _load_machine_certificates() -> None:
    # Not load_default_certs: OpenSSL would look into the directory at each handshake.
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        # As c_rehash(1) names them.
        files += sorted(Path(paths.capath).glob("[0-9a-f]*.[0-9]"))
    for file in files:
        with contextlib.suppress(OSError):
            _tls.load_verify_locations(file)


def run(job: bytes, channel: Channel) -> None:
    """Make the call and answer."""
    request = json.loads(job)
    action = _action(request["action"])
    policy = EgressPolicy(**{name: tuple(entries) for name, entries in request["egress"].items()})
    proxy = EgressProxy(**request["proxy"]) if request["proxy"] else None
    if request["ca_certificates"]:
        _tls.load_verify_locations(cadata=request["ca_certificates"])
    started = time.monotonic()
    try:
        last, answer = call(
            first_request(action, AttemptId(**request["attempt"])),
            action.expected_status,
            partial(_dialer, policy, proxy),
            _tls,
            max_body_bytes=request["max_body_bytes"],
        )
        channel.result(answer.result(last.target.url, time.monotonic() - started, channel.max_result))
        if not _is_expected(answer.status, action.expected_status):
            channel.failure("UNEXPECTED_STATUS", _unexpected(answer, action))
        elif broken := broken_assertion(action.response_assertions, answer):
            channel.failure("ASSERTION_FAILED", broken)
    except EgressDenied as error:
        channel.failure("EGRESS_DENIED", str(error))
    except RequestFailed as error:
        channel.failure("REQUEST_FAILED", str(error))
    except MemoryError:
        channel.write(_OUT_OF_MEMORY)


def _action(said: dict[str, Any]) -> HttpAction:
    parts = {
        "expected_status": tuple(said["expected_status"]),
        "response_assertions": tuple(map(read_assertion, said["response_assertions"])),
    }
    return HttpAction(**said | parts)


def call(
    request: Request,
    expected_status: Collection[int],
    dialer: Callable[[Target], Dialer],
    tls: ssl.SSLContext,
    *,
    max_body_bytes: int,
) -> tuple[Request, Answer]:
    """Send the request and follow redirects, each of which is judged as the first was.

    Parameters:
        expected_status: a redirect whose status is among these is the answer.
        dialer: what connects to the target of each request.

    Answers with the last request and its answer. Raises EgressDenied and RequestFailed.
    """
    for _ in range(_MAX_REDIRECTS + 1):
        location, answer = _exchange(request, dialer(request.target), tls, max_body_bytes)
        if answer.status not in REDIRECTS or location is None or answer.status in expected_status:
            return request, answer
        request = request.redirected(answer.status, location)
    message = f"The call was redirected more than {_MAX_REDIRECTS} times."
    raise RequestFailed(message)


def _dialer(policy: EgressPolicy, proxy: EgressProxy | None, target: Target) -> Dialer:
    return TunnelDialer(target, policy, proxy) if proxy else DirectDialer(target, policy)


def _exchange(request: Request, dialer: Dialer, tls: ssl.SSLContext, max_body_bytes: int) -> tuple[str | None, Answer]:
    with GuardedSession(dialer, tls) as session:
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
    # The message may quote what the server sent.
    said = fit_to_show(" ".join(str(error).split())) or type(error).__name__
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
    return f"expected status {wanted}, got {answer.status} {fit_to_show(answer.reason)}".rstrip()
