"""The seam between a committed execution and the workers."""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

from celery import Celery

from task_server.dispatch.link import BrokerLink
from task_server.metrics import meters

_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """A hint that an execution waits in a queue."""

    execution_id: str
    queue: str


class PublishError(Exception):
    """The broker did not answer: it has none of the messages, or some, or all. The scheduler will publish what is missing."""


class Publisher(Protocol):
    """Whatever tells the workers."""

    def publish(self, message: Message) -> None:
        """Tell the workers of one execution. Raises PublishError when the broker is away."""

    def publish_many(self, messages: Sequence[Message]) -> None:
        """Tell the workers of several executions, in this order. Raises PublishError when the broker is away."""

    def depth(self, queue: str) -> int:
        """How many messages the queue holds that no worker has taken yet. Raises PublishError when the broker is away."""

    def close(self) -> None:
        """End what runs in the background, and the connection."""


class CeleryPublisher:
    """Tells Celery workers through the broker, over one connection, which is made when it is needed and again after an error.

    A broker that refuses the connection is an error at once, one that is silent is one after 2 s.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._link: BrokerLink | None = None
        self._turn = threading.Lock()

    def publish(self, message: Message) -> None:
        """Tell the workers of one execution. Raises PublishError when the broker is away."""
        self.publish_many([message])

    def publish_many(self, messages: Sequence[Message]) -> None:
        """Tell the workers of several executions, on Redis in one round trip. Raises PublishError when the broker is away."""
        try:
            with self._linked() as link:
                link.put(messages)
        except PublishError:
            meters.PUBLISH_FAILURES.count()
            raise
        meters.PUBLISHED.count(by=len(messages))

    def depth(self, queue: str) -> int:
        """How many messages the queue holds that no worker has taken yet. Raises PublishError when the broker is away."""
        with self._linked() as link:
            return link.depth(queue)

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._unlink()

    @contextmanager
    def _linked(self) -> Iterator[BrokerLink]:
        with self._turn:
            try:
                if self._link is None:
                    self._link = BrokerLink(self._app)
                yield self._link
            except Exception as error:  # kombu raises what its transport raises: OSError, redis' errors, its own.
                # What the broken connection says to its end is no news.
                with suppress(Exception):
                    self._unlink()
                # Of a batch kombu says that it failed, and the cause why.
                raise PublishError(str(error.__cause__ or error)) from error

    def _unlink(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


class MemoryPublisher:
    """Keeps the messages, for tests and for processes without a broker."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        """Keep the message."""
        self.messages.append(message)

    def publish_many(self, messages: Sequence[Message]) -> None:
        """Keep the messages."""
        for message in messages:
            self.publish(message)

    def depth(self, queue: str) -> int:
        """How many messages of the queue are kept."""
        return sum(message.queue == queue for message in self.messages)

    def close(self) -> None:
        """Nothing runs in the background."""


#: What the background publisher hands over at once: few enough that an ending process waits for milliseconds.
_BATCH = 500


class BackgroundPublisher:
    """Publishes from a thread of its own, so that no call waits for the broker; what came meanwhile goes as one batch.

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
        self.publish_many([message])

    def publish_many(self, messages: Sequence[Message]) -> None:
        """Have the messages published soon, or by the scheduler later. Never blocks, never raises."""
        with self._changed:
            self._waiting.extend(messages[: self._limit - len(self._waiting)])
            self._changed.notify()

    def depth(self, queue: str) -> int:
        """How many messages the queue holds; what waits here is not in it yet. Raises PublishError when the broker is away."""
        return self._publisher.depth(queue)

    def close(self) -> None:
        """Publish what waits and end the thread; a broker that is away costs at most one try."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=10)
        self._publisher.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                messages = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]
            self._try(messages)

    def _try(self, messages: list[Message]) -> None:
        try:
            self._publisher.publish_many(messages)
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
