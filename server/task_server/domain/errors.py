"""What can go wrong for a caller. One root; `api/errors` is the one table from these to gRPC codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field: its path as in the request (`task.cron_expression`) and what to write instead."""

    field: str
    description: str


class TaskServiceError(Exception):
    """Root of every error that a caller may see. The message is one sentence that says what to do."""

    #: Seconds after which it may go better, where this one knows; None where its kind says.
    retry_after: float | None = None

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        #: Facts for machines, as they stand in ErrorInfo.metadata.
        self.metadata = metadata


class InvalidFields(TaskServiceError):
    """One or more fields are wrong; all of them are listed at once."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = violations


class InvalidPageToken(TaskServiceError):
    """The page token was not made for this caller, filter and order."""


class InvalidWatchToken(TaskServiceError):
    """The watch token was not made by this service."""


class WatchTokenExpired(TaskServiceError):
    """The changes after the watch token are no longer kept."""


class TaskNotFound(TaskServiceError):
    """No such task among those that the caller may see."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"There is no task {task_id!r} that you may see.", task_id=task_id)


class ExecutionNotFound(TaskServiceError):
    """No such execution among those that the caller may see."""

    def __init__(self, **key: str) -> None:
        ((name, value),) = key.items()
        super().__init__(f"There is no execution with {name} {value!r} that you may see.", **key)


class TokenNotFound(TaskServiceError):
    """There is no such token."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"There is no token with the id {token_id!r}; ListTokens has all there are.", id=token_id)


class RequestIdReused(TaskServiceError):
    """The same request id came before with another request."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request_id {request_id!r} was used before for another request; use a new one for each.",
            request_id=request_id,
        )


class InvalidCredentials(TaskServiceError):
    """No credentials, or they are malformed, unknown, expired or revoked."""


class PermissionMissing(TaskServiceError):
    """The caller has neither the role nor the grant that allows this."""

    def __init__(self, permission: str, given_by: str) -> None:
        super().__init__(
            f"You lack the permission {permission!r}; ask an admin for a token with {given_by}.", permission=permission
        )


class TaskEnded(TaskServiceError):
    """The task has ended: it was stopped, so it can not run again, or nothing of it is left to be held."""

    def __init__(self, task_id: str, why: str = "was stopped and can not run again; create a new one") -> None:
        super().__init__(f"Task {task_id!r} {why}.", task_id=task_id)


class TaskStarted(TaskServiceError):
    """The task's one run has begun, so the time of its beginning can not be changed."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"The run of task {task_id!r} has begun, so its time can not be changed; RunTask makes one more.",
            task_id=task_id,
        )


class EtagMismatch(TaskServiceError):
    """The task is not any more what the change was made for."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"Task {task_id!r} has changed since it was read; read it again and repeat the change.", task_id=task_id
        )


class RpcNotImplemented(TaskServiceError):
    """This server has no such RPC: it is in the contract and not served yet, or in no contract."""

    def __init__(self, method: str) -> None:
        super().__init__(f"{method} is not served here; the contract may have it for later.", method=method)


class DatabaseUnavailable(TaskServiceError):
    """The database did not answer. Nothing is known to have changed."""

    def __init__(self) -> None:
        super().__init__("The database does not answer at the moment; try again.")


class WatcherTooSlow(TaskServiceError):
    """The watcher read too slowly and was ended."""

    def __init__(self, watch_token: str) -> None:
        super().__init__(
            "This watch fell too far behind and was ended; resume with watch_token.", watch_token=watch_token
        )


class CheckerUnavailable(TaskServiceError):
    """The process that checks code did not answer. Nothing was stored."""

    def __init__(self) -> None:
        super().__init__("The code can not be checked at the moment; try again.")


class SealingUnavailable(TaskServiceError):
    """A secret was given, and this server has no key to seal it with. Nothing was stored."""

    def __init__(self, setting: str) -> None:
        super().__init__(
            f"This server has no key to seal secrets with, so it takes none; its operator has to set {setting}.",
            setting=setting,
        )


class LockHeld(TaskServiceError):
    """Somebody else holds the lock."""

    def __init__(self, name: str, wait: float) -> None:
        # Rounded up: the lock is free by then, unless it was renewed.
        self.retry_after = math.ceil(wait * 1000) / 1000
        super().__init__(f"The lock {name!r} is held by somebody else for up to {self.retry_after:g} s.", name=name)


class LockLost(TaskServiceError):
    """The lock is not, or no longer, held by this owner with this fencing number."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"You do not hold the lock {name!r} by this fencing number any more; stop what it protects, and acquire it anew.",
            name=name,
        )


class ResultBackendUnavailable(TaskServiceError):
    """The result backend of a Celery app did not answer. Nothing changed."""

    def __init__(self, app: str) -> None:
        super().__init__(f"The result backend of the app {app!r} does not answer at the moment; try again.", app=app)


class NoResultBackend(TaskServiceError):
    """No Celery app with a result backend is configured for the execution."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"No result backend is configured for execution {execution_id!r}; have the operator add its app to the tracked apps.",
            id=execution_id,
        )


class ExecutionNotForeign(TaskServiceError):
    """The execution is a run of this service, whose own workers say what becomes of it."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"Execution {execution_id!r} is run by this service, which knows its status; only registered ones are reported.",
            id=execution_id,
        )


class ExecutionForeign(TaskServiceError):
    """The execution is a run of another Celery app, which this service can not start."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"Execution {execution_id!r} is run by another Celery app; only its own code can start it again.",
            id=execution_id,
        )


class ServerBusy(TaskServiceError):
    """This server serves as many calls as it may."""

    def __init__(self) -> None:
        super().__init__("This server is at its limit of concurrent calls; try again.")


class RateLimited(TaskServiceError):
    """More calls came than one token, one owner or, with wrong tokens, one address may make in a while."""

    def __init__(self, limit: str, wait: float) -> None:
        # Rounded up: whoever waits as long as this says is let in.
        self.retry_after = math.ceil(wait * 1000) / 1000
        many = "wrong tokens come from this address" if limit == "peer" else f"calls come from this {limit}"
        super().__init__(f"Too many {many}; try again in {self.retry_after:g} s.", limit=limit)


class QuotaExceeded(TaskServiceError):
    """The owner has as many tasks, schedules, waiting executions, stored bytes or locks as it may, or would have more."""

    _WORDS: ClassVar = {
        "tasks": "tasks that have not ended; wait until some have, or stop some",
        "schedules": "cron tasks; stop one that is not needed",
        "queued": "executions that wait; wait until some have begun, or stop some",
        "source_bytes": (
            "bytes of code, arguments, headers and bodies in tasks, and this needs more; delete tasks that are not needed, or "
            "wait until those that have ended are removed"
        ),
        "result_bytes": (
            "bytes of results, logs and arguments of executions; the oldest are removed when their time is over, or have the "
            "operator raise the quota"
        ),
        "executions": (
            "executions that are kept; those that have ended are removed when their time is over, or have the operator raise "
            "the quota"
        ),
        "locks": "locks, of which those count too that have ended within the last minutes; release some, or wait",
    }

    def __init__(self, quota: str, limit: int, used: int) -> None:
        # Schedules do not end by themselves, and what is kept is so for days: there is no use in waiting.
        self.retry_after = 5.0 if quota in ("tasks", "queued", "locks") else None
        super().__init__(
            f"You have {used:,} of at most {limit:,} {self._WORDS[quota]}.",
            quota=quota,
            limit=str(limit),
            used=str(used),
        )


class TooManyStreams(TaskServiceError):
    """A token, or an owner with all tokens, has as many streams open at this server as it may."""

    def __init__(self, limit: str, most: int) -> None:
        super().__init__(
            f"This {limit} has {most:,} watches and logs open at this server, which is the most; close one.",
            limit=limit,
            most=str(most),
        )


class DeadlinePassed(TaskServiceError):
    """The server's limit for one call passed first. Whether a change was made is not known."""

    def __init__(self) -> None:
        super().__init__("The call took longer than this server allows; whether it changed anything is not known.")


class InternalDefect(TaskServiceError):
    """A defect of this service; its log has the particulars."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Something is wrong in this service; its log tells more under request id {request_id}.",
            request_id=request_id,
        )


class ServerStopping(TaskServiceError):
    """This server shuts down; another one, or this one when it is back, goes on."""

    def __init__(self) -> None:
        super().__init__("This server shuts down; resume at another one, or at this one when it is back.")
