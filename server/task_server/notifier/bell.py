"""The seam, and its twin for one process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol

Listener = Callable[[str], None]


class Topic(StrEnum):
    """What rings."""

    #: There are new events.
    EVENTS = "events"
    #: Something was made that will be due soon.
    DUE = "due"
    #: An execution is to be stopped; the word is its id.
    STOP = "stop"


class Bell(Protocol):
    """Rings in all processes that listen."""

    def ring(self, topic: Topic, word: str = "") -> None:
        """Ring soon. Never blocks, never raises; may be lost; the same ring may be heard once for several."""

    def listen(self, topic: Topic, listener: Listener) -> contextlib.AbstractContextManager[None]:
        """Call `listener` with the word of each ring, from a thread of the bell's, until the context ends."""

    @property
    def is_away(self) -> bool:
        """Whether the broker, as whoever listens here last saw it, does not answer."""

    def close(self) -> None:
        """End the bell's threads."""


class Listeners:
    """Who listens to what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_topic: dict[str, list[Listener]] = {topic.value: [] for topic in Topic}

    @contextlib.contextmanager
    def added(self, topic: Topic, listener: Listener) -> Iterator[None]:
        """Have the listener called until the context ends."""
        with self._lock:
            self._by_topic[topic.value].append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._by_topic[topic.value].remove(listener)

    def call(self, topic: str, word: str) -> None:
        """Tell all who listen."""
        with self._lock:
            listeners = list(self._by_topic.get(topic, ()))
        for listener in listeners:
            listener(word)


class MemoryBell:
    """Rings within one process, at once and in the caller's thread."""

    def __init__(self) -> None:
        self._listeners = Listeners()

    def ring(self, topic: Topic, word: str = "") -> None:
        """Tell all who listen."""
        self._listeners.call(topic.value, word)

    def listen(self, topic: Topic, listener: Listener) -> contextlib.AbstractContextManager[None]:
        """Call `listener` at each ring until the context ends."""
        return self._listeners.added(topic, listener)

    @property
    def is_away(self) -> bool:
        """Nothing is ever away."""
        return False

    def close(self) -> None:
        """Nothing runs, so nothing ends."""
