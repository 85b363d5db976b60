"""Streams that go on where they broke: what to ask for again, when, and when to give up. No input or output here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from task_manager.errors import TaskManagerError
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_service_pb2 import ExecutionLogChunk, TailExecutionLogsRequest
from task_manager.v1.task_service_pb2 import WatchTasksRequest

FIRST_DELAY = 0.1
"""Seconds before the first try to open a broken stream again."""
LONGEST_DELAY = 5.0
"""Seconds between later tries, at most, unless the server asks for more."""

# DEADLINE_EXCEEDED: the server's limit for one call. Where the caller gave a deadline, the next opening finds it passed.
_BREAKS = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_BREAK_REASONS = frozenset({"WATCHER_TOO_SLOW", "SERVER_BUSY", "RATE_LIMITED"})

RequestT_co = TypeVar("RequestT_co", bound=Message, covariant=True)
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)
ItemT_co = TypeVar("ItemT_co", covariant=True)


class Cursor(Protocol, Generic[RequestT_co, MessageT_contra, ItemT_co]):
    """A stream's place: it turns messages into items, and knows the request that goes on after the last of them."""

    def open(self) -> RequestT_co:
        """What to ask for, at first and after each break."""

    def accept(self, message: MessageT_contra) -> Iterable[ItemT_co]:
        """The items that are to be handed over now that `message` came."""

    def finish(self) -> Iterable[ItemT_co]:
        """The items that are left when the server has ended the stream."""


class WatchCursor:
    """The place in a watch. Each change is handed over once, none is left out."""

    def __init__(self, request: WatchTasksRequest) -> None:
        self._request = WatchTasksRequest()
        self._request.CopyFrom(request)
        self._state: list[TaskEvent] = []
        self._in_state = False

    def open(self) -> WatchTasksRequest:
        """The watch from the last token on."""
        # A starting state that broke off is asked for anew as a whole, so its first part must not be kept.
        self._state.clear()
        self._in_state = not self._request.watch_token
        return self._request

    def accept(self, message: TaskEvent) -> Iterable[TaskEvent]:
        """The starting state is held back until it is whole: a token within it would not bring its rest."""
        if self._in_state and message.type == TaskEvent.ADDED:
            self._state.append(message)
            return ()
        self._in_state = False
        self._request.watch_token = message.watch_token or self._request.watch_token
        return (*self.finish(), message)

    def finish(self) -> Iterable[TaskEvent]:
        """The starting state, where the stream ended within it."""
        state, self._state = self._state, []
        return state


class LogCursor:
    """The place in a run's log, in bytes."""

    def __init__(self, request: TailExecutionLogsRequest) -> None:
        self._request = TailExecutionLogsRequest()
        self._request.CopyFrom(request)

    def open(self) -> TailExecutionLogsRequest:
        """The log from the first byte that was not handed over."""
        return self._request

    def accept(self, message: ExecutionLogChunk) -> Iterable[str]:
        """The text."""
        self._request.offset = message.offset + len(message.text.encode())
        return (message.text,)

    def finish(self) -> Iterable[str]:
        """Nothing is ever held back."""
        return ()


def is_break(error: TaskManagerError) -> bool:
    """True where the stream broke and the same stream can be had again; False where the answer would be the same."""
    return error.code in _BREAKS or error.reason in _BREAK_REASONS


class Patience:
    """How long to wait before a broken stream is opened again, and when to give up: after `seconds` without any message."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """Something came, so the way is free again."""
        self._delay = FIRST_DELAY
        self._broken_since: float | None = None

    def after(self, error: TaskManagerError) -> float:
        """The seconds to wait after the break `error`. Raises it where the way was broken for too long."""
        now = self._clock()
        self._broken_since = now if self._broken_since is None else self._broken_since
        delay = max(self._delay, error.retry_after or 0.0)
        if now - self._broken_since + delay > self._seconds:
            raise error
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        # Spread, so that the watchers of a restarted server do not all come back at once.
        return delay * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
