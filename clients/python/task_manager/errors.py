"""Every error that the client raises: one class per reason of the contract, all below `TaskManagerError`.

A reason that this version does not know, and an answer without one (a proxy's, or gRPC's own), becomes `Unavailable` or
`DeadlineExceeded` by its code, else the root itself; `code` and `reason` tell more. Wrong arguments that can not even be
sent (two actions, a naive time, a value that is no JSON) are plain `ValueError` or `TypeError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_manager.v1.error_reason_pb2 import ErrorReason

if TYPE_CHECKING:
    import grpc


@dataclass(frozen=True)
class FieldViolation:
    """One wrong field of a request."""

    field: str
    """Its path as in the request, as `task.cron_expression`."""
    description: str
    """What is wrong with it and what would be right."""


class TaskManagerError(Exception):
    """A call failed. Catch this to catch whatever the service or the way to it may answer.

    Attributes:
        message: one sentence for people.
        code: the gRPC status code. None where the client itself found the error.
        reason: the name of the `ErrorReason`, as `TASK_NOT_FOUND`. Empty where the answer had none.
        metadata: what the reason is about, as `{"task_id": "..."}`.
        violations: the wrong fields, all of them. Empty but for INVALID_ARGUMENT.
        retry_after: seconds after which the server asks to try again. None where it did not say.
        request_id: the server's `x-request-id`, which finds the call in its log. Empty where no server answered.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = list(violations)
        self.retry_after = retry_after
        self.request_id = request_id

    def __str__(self) -> str:
        # The service's own sentence names them already, as far as it may be long.
        named = [f"{each.field}: {each.description}" for each in self.violations]
        return "\n".join([self.message, *(f"  {each}" for each in named if each not in self.message)])


class Unavailable(TaskManagerError):
    """UNAVAILABLE: the service can not be reached, or can not work right now. Trying again later may help."""


class DeadlineExceeded(TaskManagerError, TimeoutError):
    """DEADLINE_EXCEEDED: the answer did not come in time. A change that was asked for may have happened or not."""


class InvalidFields(TaskManagerError):
    """One or more fields are wrong; `violations` lists all of them at once."""


class InvalidPageToken(TaskManagerError):
    """The page token was not made for this caller, filter and order."""


class InvalidWatchToken(TaskManagerError):
    """The watch token was not made by this service."""


class WatchTokenExpired(TaskManagerError):
    """The changes after the watch token are no longer kept. List again and watch from that list's token."""


class TaskNotFound(TaskManagerError):
    """No such task among those that the caller may see. metadata: `task_id`."""


class ExecutionNotFound(TaskManagerError):
    """No such execution among those that the caller may see. metadata: `id` or `task_id`."""


class TokenNotFound(TaskManagerError):
    """There is no such token. metadata: `id`."""


class RequestIdReused(TaskManagerError):
    """The same `request_id` came before with another request. metadata: `request_id`."""


class InvalidCredentials(TaskManagerError):
    """No token came, or it is malformed, unknown, expired or revoked. Give `token=` or set TASK_MANAGER_TOKEN."""


class PermissionMissing(TaskManagerError):
    """The caller has neither the role nor the grant that allows this. metadata: `permission`."""


class RpcNotImplemented(TaskManagerError):
    """This server does not have this call, though the contract may. metadata: `method`."""


class DatabaseUnavailable(Unavailable):
    """The service's database did not answer. Nothing is known to have changed; `retry_after` says when to try again."""


class TaskEnded(TaskManagerError):
    """The task was stopped, deleted or has run its last time, so it can not run again. metadata: `task_id`."""


class TaskStarted(TaskManagerError):
    """The task's one run has begun, so the time of its beginning can not be changed. metadata: `task_id`."""


class SealingUnavailable(TaskManagerError):
    """A secret was given, and the server has no key to seal it with. Its operator has to set one. metadata: `setting`."""


class LockHeld(TaskManagerError):
    """Somebody else holds the lock. `retry_after` says when it ends at the latest, unless it is renewed. metadata: `name`."""


class LockLost(TaskManagerError):
    """The lock is not, or no longer, held by this owner with this fencing number. metadata: `name`."""


class ResultBackendUnavailable(Unavailable):
    """The result backend of the Celery app did not answer. `retry_after` says when to try again. metadata: `app`."""


class NoResultBackend(TaskManagerError):
    """No Celery app with a result backend is configured for the execution. metadata: `id`."""


class ExecutionNotForeign(TaskManagerError):
    """The execution is a run of the service itself, whose own workers say what becomes of it. metadata: `id`."""


class ExecutionForeign(TaskManagerError):
    """The execution is a run of another Celery app, which the service can not start. metadata: `id`."""


class EtagMismatch(TaskManagerError):
    """The task changed since it was read. Read it again and repeat the change. metadata: `task_id`."""


class WatcherTooSlow(TaskManagerError):
    """This watcher read too slowly and was ended. `watch` resumes by itself, so callers do not see it there."""


class InternalDefect(TaskManagerError):
    """A defect of the service. `request_id` finds it in the server's log."""


class ServerBusy(TaskManagerError):
    """The server is at its limit of concurrent calls; `retry_after` says when to try again."""


class RateLimited(TaskManagerError):
    """Too many calls came from this token or owner, or with wrong tokens from here; `retry_after` says when to try again."""


class QuotaExceeded(TaskManagerError):
    """The owner has as many tasks, schedules or waiting executions as it may. metadata: `quota`, `limit`, `used`."""


class TooManyStreams(TaskManagerError):
    """The token or its owner has as many watches and followed logs open as it may. Close one. metadata: `limit`, `most`."""


class DeadlinePassed(DeadlineExceeded):
    """The caller's deadline, or the server's limit for one call, passed before the server was done."""


class CodeCheckerUnavailable(Unavailable):
    """The process that checks code did not answer. Nothing was stored; `retry_after` says when to try again."""


class ServerStopping(Unavailable):
    """The server, or the gateway before it, shuts down. Try again after `retry_after`; a watch resumes by itself."""


class ServerUnreachable(Unavailable):
    """The REST gateway can not reach the server. `retry_after` says when to try again."""


class WaitTimeout(TaskManagerError, TimeoutError):
    """`wait` was given a timeout, and the task was not final by then. The task itself goes on."""


class TaskNeverEnds(TaskManagerError, ValueError):
    """`wait` was asked to wait for a cron task that has no last firing. Use `watch`, or give it `max_runs` or `end_at`."""


class TaskNeverRan(TaskManagerError):
    """The task ended without any execution: it was stopped before its time came. metadata: `task_id`."""


def _class_name(reason: str) -> str:
    return "".join(word.capitalize() for word in reason.split("_"))


_CLASSES = {cls.__name__: cls for cls in list(globals().values()) if isinstance(cls, type)}

BY_REASON: Mapping[str, type[TaskManagerError]] = {
    reason: _CLASSES[_class_name(reason)]
    for reason in ErrorReason.keys()  # noqa: SIM118 - an enum wrapper is no dict
    if _class_name(reason) in _CLASSES
}
"""The class of each reason, TASK_NOT_FOUND -> TaskNotFound: read off the contract's enum, so that the two can not drift."""
