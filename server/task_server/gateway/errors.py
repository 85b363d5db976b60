"""Failures as the caller sees them: google.rpc.Status and the HTTP status beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import cast

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status

from task_manager.v1.error_reason_pb2 import ErrorReason
from task_server.gateway.json_reader import Violation
from task_server.gateway.json_writer import JsonWriter, UnprintableError

DOMAIN = "task-manager"
RETRY_AFTER_SECONDS = 1

HTTP_STATUS: dict[int, int] = {
    code_pb2.OK: 200,
    code_pb2.CANCELLED: 499,
    code_pb2.UNKNOWN: 500,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    # Deliberately not 412, which is about If-Match.
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DATA_LOSS: 500,
}
"""Canonical code to HTTP status (runtime/errors.go HTTPStatusFromCode). Any other code is 500."""

_DETAILS_KEY = "grpc-status-details-bin"
# What gRPC's own timer says, here and in the server, sometimes with more words around it.
_LOCAL_DEADLINE = "Deadline Exceeded"
# What gRPC's core says of a connection that broke under a call; it may be connected again by the time that anybody asks.
_TRANSPORT = re.compile(
    r"Stream removed|recvmsg|Socket closed|[Cc]onnection (reset|refused|closed)|GOAWAY|keepalive", re.ASCII
)


class GatewayError(Exception):
    """The gateway itself refuses a request. `status` is the answer's body, `headers` go with it."""

    def __init__(self, status: Status, http_status: int | None = None, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(status.message)
        self.status = status
        self.http_status = HTTP_STATUS.get(status.code, 500) if http_status is None else http_status
        self.headers = headers


def status(code: int, message: str, *details: Message) -> Status:
    """Makes a Status."""
    made = Status(code=code, message=message)
    for detail in details:
        made.details.add().Pack(detail)
    return made


def invalid_fields(violations: Iterable[Violation]) -> GatewayError:
    """INVALID_ARGUMENT that names every wrong field, in its message and for machines."""
    named = list(violations)
    sentences = [
        f"{violation.field}: {violation.description}" if violation.field else violation.description
        for violation in named
    ]
    rest = f"; and {len(named) - 3} more" if len(named) > 3 else ""
    bad_request = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in named
        ]
    )
    info = _error_info(ErrorReason.INVALID_FIELDS)
    return GatewayError(status(code_pb2.INVALID_ARGUMENT, "; ".join(sentences[:3]) + rest, info, bad_request))


def _error_info(reason: ErrorReason) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=ErrorReason.Name(reason), domain=DOMAIN)


def invalid_request(message: str) -> GatewayError:
    """INVALID_ARGUMENT about a request as a whole: its query string, its headers, its size."""
    return invalid_fields([Violation("", message)])


def unreachable() -> Status:
    """UNAVAILABLE because there is no way to the gRPC server. What the transport says of it stays here: it names addresses."""
    return _unavailable("The task service can not be reached", ErrorReason.SERVER_UNREACHABLE)


def shutting_down() -> Status:
    """UNAVAILABLE because this gateway is being stopped."""
    return _unavailable("The gateway is shutting down", ErrorReason.SERVER_STOPPING)


def _unavailable(what: str, reason: ErrorReason) -> Status:
    return status(
        code_pb2.UNAVAILABLE,
        f"{what}; try again in {RETRY_AFTER_SECONDS} s.",
        _error_info(reason),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS)),
    )


def rpc_status(error: grpc.aio.AioRpcError, *, connected: bool) -> Status:
    """The Status of a failed RPC: the one in its trailers, or else its code and message.

    Args:
        error: how it failed.
        connected: whether the channel was connected just after. If not, an UNAVAILABLE without details is the transport's.
    """
    code = error.code().value[0]
    for key, value in cast(Iterable[tuple[str, bytes]], error.trailing_metadata() or ()):
        if key == _DETAILS_KEY:
            try:
                detailed = Status.FromString(value)
            except DecodeError:
                break
            if detailed.code == code:
                return detailed
    if code == code_pb2.UNAVAILABLE and (not connected or _TRANSPORT.search(error.details() or "")):
        return unreachable()
    if code == code_pb2.DEADLINE_EXCEEDED and _LOCAL_DEADLINE in (error.details() or ""):
        return status(code, "The deadline passed before the server answered.", _error_info(ErrorReason.DEADLINE_PASSED))
    return Status(code=code, message=error.details() or "")


def error_line(failure: Status, writer: JsonWriter) -> bytes:
    """Prints a Status as the last line of a stream.

    Details that have no JSON form are left out. (The official gateway then leaves out the line, so that a stream that failed looks
    like one that ended.)
    """
    try:
        printed = writer.dump(failure)
    except UnprintableError:
        printed = writer.dump(Status(code=failure.code, message=failure.message))
    return b'{"error":' + printed + b"}\n"
