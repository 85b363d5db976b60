"""The seam between a committed execution and the workers."""

from __future__ import annotations

import collections
import logging
import threading
from typing import NamedTuple, Protocol

from celery import Celery

from task_server.dispatch.celery_app import EXECUTE

_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """A hint that an execution waits in a queue."""

    execution_id: str
    queue: str


class PublishError(Exception):
    """The broker did not take the message. The scheduler will publish it again."""


class Publisher(Protocol):
    """Whatever tells the workers."""

    def publish(self, message: Message) -> None:
        """Tell the workers of one execution. Raises PublishError when the broker is away."""

    def close(self) -> None:
        """End what runs in the background."""


class CeleryPublisher:
    """Tells Celery workers through the broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def publish(self, message: Message) -> None:
        """Tell the workers of one execution. Raises PublishError when the broker is away, within some 2 s."""
        try:
            self._app.send_task(
                EXECUTE,
                args=[message.execution_id],
                task_id=message.execution_id,
                queue=message.queue,
                ignore_result=True,
                retry=False,
            )
        except Exception as error:  # kombu raises what its transport raises: OSError, redis' errors, its own.
            raise PublishError(str(error)) from error

    def close(self) -> None:
        """Nothing runs in the background."""


class MemoryPublisher:
    """Keeps the messages, for tests and for processes without a broker."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        """Keep the message."""
        self.messages.append(message)

    def close(self) -> None:
        """Nothing runs in the background."""


class BackgroundPublisher:
    """Publishes from a thread of its own, so that no call waits for the broker.

    What the broker does not take, or what does not fit in the bounded queue, is left to the scheduler: the rows say when.
    """

    def __init__(self, publisher: Publisher, limit: int = 10_000) -> None:
        self._publisher = publisher
        self._limit = limit
        self._waiting: collections.deque[Message] = collections.deque()
        self._changed = threading.Condition()
        self._closed = False
        self._broker_away = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Have the message published soon, or by the scheduler later. Never blocks, never raises."""
        with self._changed:
            if len(self._waiting) < self._limit:
                self._waiting.append(message)
                self._changed.notify()

    def close(self) -> None:
        """Publish what waits and end the thread; a broker that is away costs at most one try."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                message = self._waiting.popleft()
            self._try(message)

    def _try(self, message: Message) -> None:
        try:
            self._publisher.publish(message)
        except PublishError as error:
            if not self._broker_away:
                _log.warning("the broker is away, the scheduler will publish: %s", error)
            self._broker_away = True
            with self._changed:
                # Each of these would wait for the broker again, for nothing: the scheduler has them.
                self._waiting.clear()
        else:
            if self._broker_away:
                _log.info("the broker is back")
            self._broker_away = False
