"""The one table from what can go wrong to gRPC codes and details (AIP-193)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from task_manager.v1 import error_reason_pb2
from task_server.domain import errors

if TYPE_CHECKING:
    ServicerContext = grpc.aio.ServicerContext[Any, Any]

DOMAIN = "task-manager"
_DETAILS = "grpc-status-details-bin"

_Reason = error_reason_pb2.ErrorReason
_Code = grpc.StatusCode


class Mapping(NamedTuple):
    """How one kind of error looks on the wire."""

    code: grpc.StatusCode
    reason: error_reason_pb2.ErrorReason
    #: For RetryInfo; None for an error that waiting does not mend.
    retry_seconds: float | None = None


TABLE: dict[type[errors.TaskServiceError], Mapping] = {
    errors.InvalidFields: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_FIELDS),
    errors.InvalidPageToken: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_PAGE_TOKEN),
    errors.InvalidWatchToken: Mapping(_Code.INVALID_ARGUMENT, _Reason.INVALID_WATCH_TOKEN),
    errors.WatchTokenExpired: Mapping(_Code.OUT_OF_RANGE, _Reason.WATCH_TOKEN_EXPIRED),
    errors.TaskNotFound: Mapping(_Code.NOT_FOUND, _Reason.TASK_NOT_FOUND),
    errors.ExecutionNotFound: Mapping(_Code.NOT_FOUND, _Reason.EXECUTION_NOT_FOUND),
    errors.RequestIdReused: Mapping(_Code.ALREADY_EXISTS, _Reason.REQUEST_ID_REUSED),
    errors.InvalidCredentials: Mapping(_Code.UNAUTHENTICATED, _Reason.INVALID_CREDENTIALS),
    errors.PermissionMissing: Mapping(_Code.PERMISSION_DENIED, _Reason.PERMISSION_MISSING),
    errors.TaskEnded: Mapping(_Code.FAILED_PRECONDITION, _Reason.TASK_ENDED),
    errors.RpcNotImplemented: Mapping(_Code.UNIMPLEMENTED, _Reason.RPC_NOT_IMPLEMENTED),
    errors.DatabaseUnavailable: Mapping(_Code.UNAVAILABLE, _Reason.DATABASE_UNAVAILABLE, retry_seconds=1.0),
    errors.CheckerUnavailable: Mapping(_Code.UNAVAILABLE, _Reason.CODE_CHECKER_UNAVAILABLE, retry_seconds=1.0),
    errors.ServerStopping: Mapping(_Code.UNAVAILABLE, _Reason.SERVER_STOPPING, retry_seconds=0.5),
    errors.WatcherTooSlow: Mapping(_Code.RESOURCE_EXHAUSTED, _Reason.WATCHER_TOO_SLOW, retry_seconds=0.1),
    errors.DeadlinePassed: Mapping(_Code.DEADLINE_EXCEEDED, _Reason.DEADLINE_PASSED),
    errors.InternalDefect: Mapping(_Code.INTERNAL, _Reason.INTERNAL_DEFECT),
}


def to_status(error: errors.TaskServiceError) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return the code and the whole status with its details."""
    mapping = TABLE[type(error)]
    info = error_details_pb2.ErrorInfo(reason=_Reason.Name(mapping.reason), domain=DOMAIN, metadata=error.metadata)
    details: list[
        error_details_pb2.ErrorInfo
        | error_details_pb2.BadRequest
        | error_details_pb2.RetryInfo
        | error_details_pb2.PreconditionFailure
    ] = [info]
    if isinstance(error, errors.InvalidFields):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
            for v in error.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if mapping.retry_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(mapping.retry_seconds * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if mapping.code is _Code.FAILED_PRECONDITION:
        subject = next(iter(error.metadata.values()), "")
        violation = error_details_pb2.PreconditionFailure.Violation(
            type=_Reason.Name(mapping.reason), subject=subject, description=error.message
        )
        details.append(error_details_pb2.PreconditionFailure(violations=[violation]))
    status = status_pb2.Status(code=mapping.code.value[0], message=error.message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return mapping.code, status


async def abort(context: ServicerContext, error: errors.TaskServiceError) -> None:
    """End the call with the error."""
    code, status = to_status(error)
    await context.abort(code, status.message, trailing_metadata=((_DETAILS, status.SerializeToString()),))
