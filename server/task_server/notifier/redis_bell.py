"""The bell over Redis pub/sub."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import redis

from task_server.notifier.bell import Listener, Listeners, Topic

_log = logging.getLogger(__name__)
_PREFIX = "task-manager:bell:"
#: How long to leave a broker alone that did not answer.
_PAUSE_SECONDS = 1.0
#: How often the listening thread looks whether it should end.
_TURN_SECONDS = 5.0


class RedisBell:
    """Rings through a Redis or Valkey server. `url` is a Celery broker URL, `tls` how the server is trusted where it says `rediss`.

    One thread rings and one listens to each topic, started when first needed: who listens to stops is not woken by every event.
    While the server is away rings are dropped.
    """

    def __init__(self, url: str, tls: Mapping[str, Any] = MappingProxyType({})) -> None:
        url = url.replace("redis+socket://", "unix://", 1)
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=2, socket_timeout=_TURN_SECONDS * 2, health_check_interval=10, **tls
        )
        self._listeners = Listeners()
        self._changed = threading.Condition()
        self._waiting: set[tuple[str, str]] = set()
        self._closed = threading.Event()
        self._ringer: threading.Thread | None = None
        self._hearers: dict[Topic, threading.Thread] = {}
        #: The topics that could not be listened to when that was tried last.
        self._unheard: set[Topic] = set()

    def ring(self, topic: Topic, word: str = "") -> None:
        """Ring soon, once for all rings of the same word that wait."""
        with self._changed:
            self._waiting.add((topic.value, word))
            if self._ringer is None:
                self._ringer = self._start("bell-ring", self._ring_all)
            self._changed.notify()

    def listen(self, topic: Topic, listener: Listener) -> contextlib.AbstractContextManager[None]:
        """Call `listener` at each ring until the context ends."""
        with self._changed:
            if topic not in self._hearers:
                self._hearers[topic] = self._start(f"bell-{topic}", self._hear_all, topic)
        return self._listeners.added(topic, listener)

    @property
    def is_away(self) -> bool:
        """Whether the server, as whoever listens here last saw it, does not answer."""
        return bool(self._unheard)

    def close(self) -> None:
        """Ring what waits and end the threads, within 3 s also when the server is away."""
        self._closed.set()
        for topic in self._hearers:
            # Its own ring ends its wait: closing a connection that another thread reads from is no way to end it.
            self.ring(topic)
        with self._changed:
            self._changed.notify()
        for thread in (self._ringer, *self._hearers.values()):
            if thread is not None:
                thread.join(timeout=1.5)

    def _start(self, name: str, run: Callable[..., None], *args: Topic) -> threading.Thread:
        thread = threading.Thread(target=run, args=args, name=name, daemon=True)
        thread.start()
        return thread

    def _ring_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
                if not self._waiting:
                    return
                rings, self._waiting = self._waiting, set()
            try:
                pipe = self._redis.pipeline(transaction=False)
                for topic, word in rings:
                    pipe.publish(_PREFIX + topic, word)
                pipe.execute()
            except (redis.RedisError, OSError):
                # Nobody loses anything but speed: listeners poll.
                self._closed.wait(_PAUSE_SECONDS)

    def _hear_all(self, topic: Topic) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(_PREFIX + topic.value)
                    self._unheard.discard(topic)
                    while not self._closed.is_set():
                        message = subscription.get_message(timeout=_TURN_SECONDS)
                        if message is not None:
                            self._listeners.call(topic.value, message["data"].decode(errors="replace"))
            except (redis.RedisError, OSError) as error:
                if topic not in self._unheard and not self._closed.is_set():
                    _log.warning("the bell does not ring, polling goes on: %s", error)
                self._unheard.add(topic)
                self._closed.wait(_PAUSE_SECONDS)
