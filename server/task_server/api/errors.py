"""The one table from what can go wrong to gRPC codes and details (AIP-193)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from task_manager.v1 import error_reason_pb2
from task_server.domain import errors
from task_server.metrics import meters

if TYPE_CHECKING:
    ServicerContext = grpc.aio.ServicerContext[Any, Any]

DOMAIN = "task-manager"
_DETAILS = "grpc-status-details-bin"
#: gRPC clients refuse more than 8 KiB of trailers, and the caller would see that instead of the error. In bytes of UTF-8, the
#: message's percent-encoded; the message goes a second time among the details, which go in base64 (4 bytes for 3).
_MESSAGE_BYTES, _METADATA_BYTES, _DESCRIPTION_BYTES, _VIOLATIONS_BYTES = 1400, 200, 400, 2000

_Reason = error_reason_pb2.ErrorReason
_Code = grpc.StatusCode


class Mapping(NamedTuple):
    """How one kind of error looks on the wire."""

    code: grpc.StatusCode
    reason: error_reason_pb2.ErrorReason
    #: For RetryInfo, where the error itself does not know; None for an error that waiting does not mend.
    retry_seconds: float | None = None


TABLE: dict[type[errors.TaskServiceError], Mapping] = {
    errors.InvalidFields: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_FIELDS),
    errors.InvalidPageToken: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_PAGE_TOKEN),
    errors.InvalidWatchToken: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_WATCH_TOKEN),
    errors.WatchTokenExpired: Mapping(_Code.OUT_OF_RANGE, _Reason.WATCH_TOKEN_EXPIRED),
    errors.TaskNotFound: Mapping(_Code.NOT_FOUND, _Reason.TASK_NOT_FOUND),
    errors.ExecutionNotFound: Mapping(_Code.NOT_FOUND, _Reason.EXECUTION_NOT_FOUND),
    errors.TokenNotFound: Mapping(_Code.NOT_FOUND, _Reason.TOKEN_NOT_FOUND),
    errors.RequestIdReused: Mapping(_Code.ALREADY_EXISTS, _Reason.REQUEST_ID_REUSED),
    errors.InvalidCredentials: Mapping(_Code.UNAUTHENTICATED, _Reason.INVALID_CREDENTIALS),
    errors.PermissionMissing: Mapping(_Code.PERMISSION_DENIED, _Reason.PERMISSION_MISSING),
    errors.TaskEnded: Mapping(_Code.FAILED_PRECONDITION, _Reason.TASK_ENDED),
    errors.TaskStarted: Mapping(_Code.FAILED_PRECONDITION, _Reason.TASK_STARTED),
    errors.EtagMismatch: Mapping(_Code.ABORTED, _Reason.ETAG_MISMATCH),
    errors.RpcNotImplemented: Mapping(_Code.UNIMPLEMENTED, _Reason.RPC_NOT_IMPLEMENTED),
    errors.DatabaseUnavailable: Mapping(_Code.UNAVAILABLE, _Reason.DATABASE_UNAVAILABLE, retry_seconds=1.0),
    errors.CheckerUnavailable: Mapping(_Code.UNAVAILABLE, _Reason.CODE_CHECKER_UNAVAILABLE, retry_seconds=1.0),
    errors.SealingUnavailable: Mapping(_Code.FAILED_PRECONDITION, _Reason.SEALING_UNAVAILABLE),
    # It says itself how long to wait.
    errors.LockHeld: Mapping(_Code.ABORTED, _Reason.LOCK_HELD),
    errors.LockLost: Mapping(_Code.ABORTED, _Reason.LOCK_LOST),
    errors.ResultBackendUnavailable: Mapping(_Code.UNAVAILABLE, _Reason.RESULT_BACKEND_UNAVAILABLE, retry_seconds=1.0),
    errors.NoResultBackend: Mapping(_Code.FAILED_PRECONDITION, _Reason.NO_RESULT_BACKEND),
    errors.ExecutionNotForeign: Mapping(_Code.FAILED_PRECONDITION, _Reason.EXECUTION_NOT_FOREIGN),
    errors.ExecutionForeign: Mapping(_Code.FAILED_PRECONDITION, _Reason.EXECUTION_FOREIGN),
    errors.ServerStopping: Mapping(_Code.UNAVAILABLE, _Reason.SERVER_STOPPING, retry_seconds=0.5),
    errors.ServerBusy: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.SERVER_BUSY, retry_seconds=1.0),
    # These say themselves how long to wait.
    errors.RateLimited: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.RATE_LIMITED),
    errors.QuotaExceeded: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.QUOTA_EXCEEDED),
    errors.TooManyStreams: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.TOO_MANY_STREAMS, retry_seconds=1.0),
    errors.WatcherTooSlow: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.WATCHER_TOO_SLOW, retry_seconds=0.1),
    errors.DeadlinePassed: Mapping(_Code.DEADLINE_EXCEEDED, _Reason.DEADLINE_PASSED),
    errors.InternalDefect: Mapping(_Code.INTERNAL, _Reason.INTERNAL_DEFECT),
}


def to_status(error: errors.TaskServiceError) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return the code and the whole status with its details."""
    mapping = TABLE[type(error)]
    message = _cut_message(error.message)
    facts = {name: _cut(value, _METADATA_BYTES) for name, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=_Reason.Name(mapping.reason), domain=DOMAIN, metadata=facts)
    details: list[
        error_details_pb2.ErrorInfo
        | error_details_pb2.BadRequest
        | error_details_pb2.RetryInfo
        | error_details_pb2.PreconditionFailure
    ] = [info]
    if isinstance(error, errors.InvalidFields):
        details.append(error_details_pb2.BadRequest(field_violations=_field_violations(error.violations)))
    retry_seconds = mapping.retry_seconds if error.retry_after is None else error.retry_after
    if retry_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(retry_seconds * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if mapping.code is _Code.FAILED_PRECONDITION:
        subject = next(iter(facts.values()), "")
        violation = error_details_pb2.PreconditionFailure.Violation(
            type=_Reason.Name(mapping.reason), subject=subject, description=message
        )
        details.append(error_details_pb2.PreconditionFailure(violations=[violation]))
    status = status_pb2.Status(code=mapping.code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return mapping.code, status


def _field_violations(violations: list[errors.Violation]) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """As many as fit, and how many more there are."""
    found: list[error_details_pb2.BadRequest.FieldViolation] = []
    left = _VIOLATIONS_BYTES
    for violation in violations:
        wire = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.field, _METADATA_BYTES), description=_cut(violation.description, _DESCRIPTION_BYTES)
        )
        left -= wire.ByteSize()
        if left < 0:
            more = f"{len(violations) - len(found):,} more are wrong; mend these first"
            return [*found, error_details_pb2.BadRequest.FieldViolation(description=more)]
        found.append(wire)
    return found


def _cut(text: str, most: int) -> str:
    """The text, its end left out where it has more than so many bytes."""
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode(errors="ignore") + "…"


def _cut_message(text: str) -> str:
    """The text, as much of it as fits in the `grpc-message` header."""
    left = _MESSAGE_BYTES
    for index, character in enumerate(text):
        left -= 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode())
        if left < 0:
            return f"{text[:index]}…"
    return text


async def abort(context: ServicerContext, error: errors.TaskServiceError) -> None:
    """End the call with the error."""
    code, status = to_status(error)
    meters.REFUSALS.count(_Reason.Name(TABLE[type(error)].reason))
    await context.abort(code, status.message, trailing_metadata=((_DETAILS, status.SerializeToString()),))
