"""The table of errors: every error has its row, and every row its details."""

from __future__ import annotations

import inspect
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from task_manager.v1 import error_reason_pb2
from task_server.api.errors import TABLE, to_status
from task_server.domain import errors
from task_server.domain.errors import InvalidFields, TaskNotFound, TaskServiceError, Violation

CLASSES = {
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, TaskServiceError) and kind is not TaskServiceError
}
#: Reasons of the contract for what this server does not do yet, or that gRPC or the gateway answers instead of it.
NOT_SENT = {"ERROR_REASON_UNSPECIFIED", "SERVER_UNREACHABLE"}
DETAILS = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RetryInfo,
    error_details_pb2.PreconditionFailure,
)


def made(kind: type[TaskServiceError]) -> TaskServiceError:
    """One error of the kind."""
    if kind is InvalidFields:
        return InvalidFields([Violation("task.name", "is required")])
    if kind is errors.ExecutionNotFound:
        return errors.ExecutionNotFound(id="x1")
    if kind is errors.RateLimited:
        return errors.RateLimited("token", 0.25)
    if kind is errors.LockHeld:
        return errors.LockHeld("x1", 0.25)
    if kind is errors.QuotaExceeded:
        return errors.QuotaExceeded("queued", 10, 10)
    if kind is errors.TooManyStreams:
        return errors.TooManyStreams("owner", 1000)
    arguments = [name for name in inspect.signature(kind).parameters if name != "metadata"]
    return kind(*("x1" for _ in arguments))


def details(status: status_pb2.Status) -> dict[str, Any]:
    found = {}
    for packed in status.details:
        (kind,) = (kind for kind in DETAILS if packed.Is(kind.DESCRIPTOR))
        message = kind()
        packed.Unpack(message)
        found[kind.DESCRIPTOR.name] = message
    assert len(found) == len(status.details)
    return found


def test_every_error_has_a_row_and_every_row_an_error() -> None:
    assert set(TABLE) == CLASSES


def test_every_reason_has_one_error() -> None:
    reasons = [error_reason_pb2.ErrorReason.Name(mapping.reason) for mapping in TABLE.values()]
    assert len(reasons) == len(set(reasons))
    assert set(reasons) == set(error_reason_pb2.ErrorReason.keys()) - NOT_SENT


@pytest.mark.parametrize("kind", sorted(CLASSES, key=lambda kind: kind.__name__))
def test_each_error_has_the_details_of_its_code(kind: type[TaskServiceError]) -> None:
    error = made(kind)
    code, status = to_status(error)
    assert (status.code, status.message) == (code.value[0], error.message)
    found = details(status)
    info = found.pop("ErrorInfo")
    assert info.domain == "task-manager"
    assert info.reason == error_reason_pb2.ErrorReason.Name(TABLE[kind].reason)
    assert dict(info.metadata) == error.metadata
    wanted = set()
    if kind is InvalidFields:
        wanted.add("BadRequest")
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED) or kind is errors.LockHeld:
        wanted.add("RetryInfo")
        assert 0 < found["RetryInfo"].retry_delay.ToTimedelta().total_seconds() <= 5
        assert error.retry_after is None or found["RetryInfo"].retry_delay.ToMilliseconds() == error.retry_after * 1000
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        wanted.add("PreconditionFailure")
        (violation,) = found["PreconditionFailure"].violations
        assert (violation.type, violation.subject, violation.description) == (info.reason, "x1", error.message)
    assert set(found) == wanted


def test_every_wrong_field_stands_in_bad_request() -> None:
    _, status = to_status(
        InvalidFields([Violation("task.name", "is required"), Violation("task.timeout", "is too long")])
    )
    found = [(violation.field, violation.description) for violation in details(status)["BadRequest"].field_violations]
    assert found == [("task.name", "is required"), ("task.timeout", "is too long")]


@pytest.mark.parametrize("text", ["x", "界", "\0", "%"])
@pytest.mark.parametrize(
    "make",
    [
        lambda text: TaskNotFound(text * 100_000),
        lambda text: InvalidFields([Violation(text * 5_000, text * 5_000)] * 5_000),
        lambda text: InvalidFields([Violation("task.name", text)] * 5_000),
        lambda text: errors.TaskEnded(text * 100_000),
    ],
)
def test_no_error_is_larger_than_a_client_takes(make: Any, text: str) -> None:
    _, status = to_status(make(text))
    plain = "".join(map(chr, range(32, 127))).replace("%", "")
    on_the_wire = len(status.SerializeToString()) * 4 / 3 + len(quote(status.message, safe=plain))
    assert on_the_wire < 7_500
    assert "ErrorInfo" in details(status)


def test_what_is_left_out_is_counted() -> None:
    _, status = to_status(
        InvalidFields([Violation(f"task.expected_status[{i}]", "must be from 200 to 599") for i in range(5_000)])
    )
    shown = details(status)["BadRequest"].field_violations
    assert shown[0].field == "task.expected_status[0]"
    assert shown[-1].description == f"{5_000 - (len(shown) - 1):,} more are wrong; mend these first"
