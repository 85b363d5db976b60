"""A request as it is sent, and the one that follows when the answer is a redirect."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace

import requests

from task_server.domain.actions import HttpAction
from task_server.executors.connection import RequestFailed
from task_server.executors.egress import EgressDenied
from task_server.executors.executor import AttemptId
from task_server.executors.request_rules import BadUrl, Target, check_headers, check_method, parse_url

#: RFC 9110, 15.4: those that name another place.
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "task-manager"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one target."""

    method: str
    target: Target
    #: What the task's owner gave, and which attempt this is: what is for the origin that was asked for, and no other.
    headers: dict[str, str]
    body: bytes | None

    def prepared(self) -> requests.PreparedRequest:
        """The request for a session to send, to the target as it is: requests takes no URL apart for it."""
        prepared = requests.PreparedRequest()
        prepared.method = self.method
        prepared.url = self.target.url
        prepared.prepare_headers(self._all_headers())
        prepared.prepare_body(self.body, None)
        return prepared

    def redirected(self, status: int, location: str) -> Request:
        """The request that follows a redirect.

        Nothing that the owner gave goes to another origin, nor which attempt this is. Raises EgressDenied where the redirect may
        not be followed.
        """
        try:
            target = self.target.joined(location)
        except BadUrl as error:
            message = f"A redirect of {self.target.host} is not followed: {error}."
            raise EgressDenied(message) from None
        if self.target.scheme == "https" and target.scheme == "http":
            message = f"A redirect of {self.target.host} is not followed: it leads from https to http."
            raise EgressDenied(message)
        following = replace(self, target=target)
        if self._becomes_get(status):
            following = replace(following, method="GET", body=None, headers=_without_content(self.headers))
        if target.origin == self.target.origin:
            return following
        if following.body is not None:
            message = f"A redirect of {self.target.host} is not followed: it would send the body to {target.host}."
            raise EgressDenied(message)
        return replace(following, headers={})

    def _all_headers(self) -> dict[str, bytes]:
        # The owner's, and what a server needs where the owner gave nothing.
        own = {name.lower() for name in self.headers}
        headers = {"User-Agent": _USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        sent = {name: value for name, value in headers.items() if name.lower() not in own}
        sent |= self.headers | {"Connection": "close"}
        return {name: value.encode() for name, value in sent.items()}

    def _becomes_get(self, status: int) -> bool:
        # As browsers do, and RFC 9110, 15.4 allows: 301 and 302 turn a POST into a GET, 303 everything but HEAD.
        return (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST")


def first_request(action: HttpAction, attempt: AttemptId) -> Request:
    """The request that an action asks for, as one attempt sends it.

    `Idempotency-Key` is the same for all attempts of an execution, so that a service that knows it does the work once. An
    owner's own one wins: it may stand for more than one execution.

    Raises EgressDenied for a URL, RequestFailed for a method or header, that may not be sent.
    """
    try:
        target = parse_url(action.url, action.params)
    except BadUrl as error:
        message = f"The URL can not be called: {error}."
        raise EgressDenied(message) from None
    problem = check_method(action.method) or check_headers(action.headers)
    if problem:
        message = f"The request can not be sent: {problem}."
        raise RequestFailed(message)
    headers = {"X-Attempt": str(attempt.number)} | action.headers
    if all(name.lower() != "idempotency-key" for name in action.headers):
        headers["Idempotency-Key"] = attempt.execution_id
    body = None
    if action.has_data:
        body = _json_body(action)
        if all(name.lower() != "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    elif action.raw_body_base64:
        body = base64.b64decode(action.raw_body_base64)
    return Request(action.method, target, headers, body)


def _json_body(action: HttpAction) -> bytes:
    try:
        return json.dumps(action.data, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        message = "The request can not be sent: its data is no JSON."
        raise RequestFailed(message) from None


def _without_content(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
