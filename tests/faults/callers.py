"""Calls to whichever server answers, repeated while their outcome is unknown."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import grpc

from task_manager import InternalDefect, ServerBusy, TaskClient, TaskManagerError

T = TypeVar("T")
_CALL_SECONDS = 15.0
_PAUSE_SECONDS = 0.2
#: The call may have happened or not: the server died, was away, or said that it could not tell. CANCELLED, although nobody here
#: cancels, is what gRPC answers for calls that a server which shuts down has not come to.
_UNKNOWN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class Unanswered(Exception):
    """No server has answered in time. Whether the call happened is unknown."""


class Answer(NamedTuple, Generic[T]):
    """What a server said."""

    value: T
    #: How many calls before this one ended with an unknown outcome.
    unknown: int


class Callers:
    """A client of each server. Threads share it."""

    def __init__(self, addresses: Sequence[str], token: str) -> None:
        # No keeper of streams' patience: whoever follows one goes to the other server at once.
        self.clients = [TaskClient(address, token, timeout=_CALL_SECONDS, patience=0.0) for address in addresses]
        #: Answers that mean a defect of the service.
        self.defects: list[str] = []
        self._turn = itertools.count()
        self._closed = threading.Event()

    def call(self, ask: Callable[[TaskClient], T], patience: float = 60.0) -> Answer[T]:
        """Ask one server after the other until one answers. Raises Unanswered, and what the call raises."""
        deadline = time.monotonic() + patience
        for unknown in itertools.count():
            client = self.clients[next(self._turn) % len(self.clients)]
            try:
                return Answer(ask(client), unknown)
            except InternalDefect as error:
                self.defects.append(f"{error} (request {error.request_id})")
                raise
            except TaskManagerError as error:
                if error.code not in _UNKNOWN and not isinstance(error, ServerBusy):
                    raise
                if time.monotonic() > deadline or self._closed.wait(error.retry_after or _PAUSE_SECONDS):
                    raise Unanswered(str(error)) from error
        raise AssertionError

    def close(self) -> None:
        """End all calls."""
        self._closed.set()
        for client in self.clients:
            client.close()
