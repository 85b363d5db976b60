"""Calls that a test makes by itself, without a child."""

from __future__ import annotations

from task_server.executors.connection import DirectDialer, resolve_name
from task_server.executors.executor import AttemptId
from task_server.executors.http_runner import call
from task_server.executors.request import first_request

ATTEMPT = AttemptId("0190-execution", 1)


def call_action(action, policy, tls, *, max_body_bytes=65_536, resolve=resolve_name, attempt=ATTEMPT):
    """Make the call of an action directly, with a resolver of the test's own."""
    return call(
        first_request(action, attempt),
        action.expected_status,
        lambda target: DirectDialer(target, policy, resolve),
        tls,
        max_body_bytes=max_body_bytes,
    )
