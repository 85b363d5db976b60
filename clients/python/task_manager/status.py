"""From a gRPC status on the wire to the client's exception."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from task_manager.errors import BY_REASON, DeadlineExceeded, FieldViolation, TaskManagerError, Unavailable

# AIP-193: the details of an error travel as one google.rpc.Status in this trailer.
_DETAILS = "grpc-status-details-bin"
_REQUEST_ID = "x-request-id"
_DOMAIN = "task-manager"

_BY_CODE: dict[grpc.StatusCode, type[TaskManagerError]] = {
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def from_grpc(error: grpc.RpcError) -> TaskManagerError:
    """The exception that says what `error` means. Raise it `from error`."""
    metadata = dict(_metadata(error))
    info, bad_request, retry = _details(metadata.get(_DETAILS, b""))
    code = error.code()
    kind = BY_REASON.get(info.reason) or _BY_CODE.get(code, TaskManagerError)
    return kind(
        error.details() or code.name,
        code=code,
        reason=info.reason,
        metadata=info.metadata,
        violations=[FieldViolation(each.field, each.description) for each in bad_request.field_violations],
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        request_id=str(metadata.get(_REQUEST_ID, "")),
    )


def _metadata(error: Any) -> Iterator[tuple[str, str | bytes]]:
    # Both parts, because a call that fails before its first answer has only trailers.
    for part in (error.initial_metadata(), error.trailing_metadata()):
        yield from part or ()


def _details(trailer: str | bytes) -> tuple[ErrorInfo, BadRequest, RetryInfo]:
    info, bad_request, retry = found = ErrorInfo(), BadRequest(), RetryInfo()
    try:
        for detail in Status.FromString(trailer if isinstance(trailer, bytes) else trailer.encode()).details:
            for message in found:
                detail.Unpack(message)
    except DecodeError:
        # Not of our server: some proxy's. The code and its message still say what happened.
        return ErrorInfo(), BadRequest(), RetryInfo()
    if info.domain != _DOMAIN:
        info.Clear()
    return info, bad_request, retry
