"""Calls that never break whoever makes them: a short while at most, and next to nothing while the service is known to be away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import grpc

from task_manager import django_project
from task_manager.client import TaskClient
from task_manager.complaints import Complaints
from task_manager.connection import default_client
from task_manager.endpoint import DEFAULT_ADDRESS
from task_manager.errors import (
    ExecutionForeign,
    ExecutionNotForeign,
    ExecutionNotFound,
    NoResultBackend,
    ResultBackendUnavailable,
    TaskManagerError,
)

AnswerT = TypeVar("AnswerT")

DEFAULT_TIMEOUT = 1.0
"""Seconds that a call may take, unless TASK_MANAGER_TIMEOUT says otherwise."""
_PAUSE = 5.0
"""Seconds for which nobody is asked again after a failure."""

# What the service knows of the very run that was asked about: no failure, and for the caller to make something of.
_ANSWERS = (ExecutionNotFound, ExecutionForeign, ExecutionNotForeign, NoResultBackend, ResultBackendUnavailable)
# What the next call would meet too, whatever it is about.
_AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
_AWAY_REASONS = frozenset({"SERVER_BUSY", "RATE_LIMITED"})
# What may go well another time.
_PASSING = frozenset(
    {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        # An older server knows one call less.
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
    }
)


class NoAnswer(Exception):
    """The service did not say. The log tells why.

    Attributes:
        is_passing: whether the same call may go well later.
    """

    def __init__(self, *, is_passing: bool) -> None:
        super().__init__()
        self.is_passing = is_passing


class BestEffort:
    """The way to the service for code that has something more important to do.

    After a failure nobody waits for the service for 5 s; then one call tries it, and the others go on doing without. No lock is
    held, so that a fork finds none: where two threads meet, two calls may try it.

    Args:
        client: gives the client to call with.
        timeout: seconds that one use may take, however many calls it makes. None means TASK_MANAGER_TIMEOUT.
    """

    def __init__(
        self,
        client: Callable[[], TaskClient] = default_client,
        *,
        timeout: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._complaints = Complaints()
        self._has_failed = False
        self._closed_until = 0.0

    def call(self, what: str, ask: Callable[[Callable[[], TaskClient]], AnswerT], *, otherwise: str = "") -> AnswerT:
        """What `ask` gives. It is handed what gives the client, with the time that is left as its deadline.

        Args:
            what: what for, as it stands in the warning after "could not".
            ask: makes the calls.
            otherwise: what the caller does where the call may go well later, as it stands in the warning.

        Raises:
            NoAnswer: it could not be had. This has been logged, and holds nothing of what was sent.
            TaskManagerError: one that tells of the run itself: `ExecutionNotFound` and the like.
        """
        now = self._clock()
        if now < self._closed_until:
            raise NoAnswer(is_passing=True)
        if self._has_failed:
            # This call is the one that tries; meanwhile the others do without.
            self._closed_until = now + _PAUSE
        try:
            end = now + (_timeout() if self._timeout is None else self._timeout)
            answer = ask(lambda: self._client().within(max(end - self._clock(), 0.001)))
        except _ANSWERS:
            self._reached()
            raise
        except TaskManagerError as error:
            raise self._failed(what, otherwise, error) from error
        except Exception as error:
            # A value that can not be sent, or settings that can not be used.
            raise self._unfit(what, error) from error
        self._reached()
        return answer

    def prepare(self, what: str, make: Callable[[], AnswerT]) -> AnswerT:
        """What `make` gives, from values of the caller's. Raises NoAnswer where it raises anything."""
        try:
            return make()
        except Exception as error:
            raise self._unfit(what, error) from error

    def _reached(self) -> None:
        self._has_failed = False
        self._closed_until = 0.0

    def _unfit(self, what: str, error: Exception) -> NoAnswer:
        # What other errors say may hold anything: they come of the caller's own objects.
        told = f": {error}" if isinstance(error, TypeError | ValueError) else ""
        self._complaints.warn("unfit", f"Task Manager could not {what}: {type(error).__name__}{told}")
        return NoAnswer(is_passing=False)

    def _failed(self, what: str, otherwise: str, error: TaskManagerError) -> NoAnswer:
        is_away = error.code in _AWAY or error.reason in _AWAY_REASONS
        missing = NoAnswer(is_passing=is_away or error.code in _PASSING)
        instead = f" ({otherwise})" if otherwise and missing.is_passing else ""
        self._complaints.warn(error.reason or str(error.code), f"Task Manager could not {what}{instead}: {_why(error)}")
        if is_away:
            self._has_failed = True
            self._closed_until = self._clock() + max(_PAUSE, error.retry_after or 0.0)
        else:
            self._reached()
        return missing


def _timeout() -> float:
    text = django_project.setting("TASK_MANAGER_TIMEOUT")
    try:
        return DEFAULT_TIMEOUT if text is None else float(text)
    except ValueError:
        raise ValueError(f"TASK_MANAGER_TIMEOUT: {text!r} is no number of seconds") from None


def _why(error: TaskManagerError) -> str:
    """What to look at where nobody answered, whom gRPC's own words do not name."""
    if error.reason or error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return str(error)
    address = django_project.setting("TASK_MANAGER_ADDRESS") or DEFAULT_ADDRESS
    return f"no answer from {address} (TASK_MANAGER_ADDRESS): {error}"
