"""Delivering reports: a batch at a time, and what the service's answer means for those that wait."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import grpc

from task_manager.client import TaskClient
from task_manager.complaints import Complaints
from task_manager.errors import InvalidFields, TaskManagerError
from task_manager.native_thread import in_native_thread, native_lock
from task_manager.v1.execution_service_pb2 import ExecutionReport

MOST_REPORTS = 500
"""How many reports go in one call, at most."""
_MOST_BYTES = 900 * 1024
"""How many bytes go in one call, at most, unless one report alone has more."""
_DEADLINE = 5.0
"""Seconds that one call may take, and that a fork may wait for it."""
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 30.0
"""Seconds before the second and before later tries."""
_CLOSED_DELAY = 60.0
"""Seconds between tries where only an operator can mend it."""

_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED})
_AWAY_REASONS = frozenset({"SERVER_BUSY", "RATE_LIMITED"})
_CLOSED = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED})
_INDEX = re.compile(r"reports\[(\d+)\]")

calling = native_lock()
"""Held during each call, and by who forks: a fork within a call would leave gRPC in pieces in the child."""


class Delivery:
    """Reports on their way, in their order. One thread uses it.

    A report that the service refuses is left out, alone; one that it can not take now is kept. What is refused without a word on
    which report is at fault is sent again in halves until that shows.
    """

    def __init__(self, client: Callable[[], TaskClient], complaints: Complaints) -> None:
        self._client = client
        self._complaints = complaints
        self._most = MOST_REPORTS
        self._delay = _FIRST_DELAY
        #: What is not delivered yet, the oldest first.
        self.waiting: list[ExecutionReport] = []
        #: How many reports were refused.
        self.refused = 0

    def attempt(self) -> float:
        """Send what fits in one call. Returns how many seconds to wait before the next, 0 where it may come at once."""
        batch = self._batch()
        try:
            in_native_thread(lambda: self._send(batch))
        except TaskManagerError as error:
            return self._failed(error, len(batch))
        except Exception as error:
            # Settings that can not be used. The thread has to outlive them.
            self._complaints.warn(
                "client", f"Reports wait, since no client can be made: {type(error).__name__}: {error}"
            )
            return _CLOSED_DELAY
        del self.waiting[: len(batch)]
        self._delay = _FIRST_DELAY
        self._most = min(self._most * 2, MOST_REPORTS)
        return 0.0

    def _send(self, batch: Sequence[ExecutionReport]) -> None:
        with calling:
            self._client().within(_DEADLINE).report_executions(batch)

    def _batch(self) -> list[ExecutionReport]:
        size = 0
        for count, each in enumerate(self.waiting[: self._most]):
            size += each.ByteSize()
            if count and size > _MOST_BYTES:
                return self.waiting[:count]
        return self.waiting[: self._most]

    def _failed(self, error: TaskManagerError, count: int) -> float:
        what = f"{type(error).__name__}: {error.message}"
        if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._most = max(1, count // 2)
        if error.code in _AWAY or error.reason in _AWAY_REASONS:
            self._complaints.warn("away", f"Reports wait, since the service does not take them now: {what}")
            return self._back_off(error)
        if error.code in _CLOSED:
            self._complaints.warn("closed", f"Reports wait, since the service does not take them from here: {what}")
            return _CLOSED_DELAY
        if isinstance(error, InvalidFields) and (wrong := _wrong(error, count)):
            self._leave_out(
                wrong, ", ".join(sorted({_INDEX.sub("reports[]", each.field) for each in error.violations}))
            )
            return 0.0
        if count == 1:
            self._leave_out([0], what)
            return 0.0
        self._most = max(1, count // 2)
        # A defect of the service may pass; what it says of the reports themselves does not.
        return self._back_off(error) if error.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) else 0.0

    def _leave_out(self, indexes: Sequence[int], why: str) -> None:
        for index in reversed(indexes):
            del self.waiting[index]
        self.refused += len(indexes)
        self._complaints.warn(
            "refused", f"Reports were left out ({len(indexes)}), since the service refused them: {why}"
        )

    def _back_off(self, error: TaskManagerError) -> float:
        delay, self._delay = self._delay, min(self._delay * 2, _LONGEST_DELAY)
        # Spread, so that the processes of a house do not all come back at once.
        return max(delay, error.retry_after or 0.0) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _wrong(error: InvalidFields, count: int) -> list[int]:
    found = (_INDEX.match(each.field) for each in error.violations)
    return sorted({index for each in found if each and (index := int(each[1])) < count})
