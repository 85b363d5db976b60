"""Celery's thread pool, with one more habit: a thread that becomes free wakes the consumer.

With `worker_disable_prefetch` the consumer takes a message only for a free thread, but looks for free threads only when its event
loop turns, which by itself it does once a second: eight threads would then run eight short tasks a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.concurrency.thread import ApplyResult
from celery.concurrency.thread import TaskPool as ThreadPool
from kombu.asynchronous import Hub

#: The event loop of this worker. kombu's `get_event_loop` forgets it when the broker was lost once.
_loop: Hub | None = None


class TaskPool(ThreadPool):  # type: ignore[misc] # celery ships no types
    """The pool that `worker_pool` names."""

    def register_with_event_loop(self, hub: Hub) -> None:
        """Remember the loop that has to be woken; a new one comes after each loss of the broker."""
        global _loop
        _loop = hub
        super().register_with_event_loop(hub)

    def on_apply(
        self, target: Any, args: Any = None, kwargs: Any = None, callback: Callable[..., Any] | None = None, **rest: Any
    ) -> ApplyResult:
        """Run one message in a thread, and wake the consumer once its slot is free."""

        def done(*values: Any, **named: Any) -> Any:
            # Celery frees the slot in its callback; waking before that would be for nothing.
            result = callback(*values, **named) if callback is not None else None
            wake_consumer()
            return result

        return super().on_apply(target, args, kwargs, callback=done, **rest)

    def on_stop(self) -> None:
        """Let all end, also those that wait for a thread: a worker that drains puts their messages back, Celery would drop them."""
        self.executor.shutdown()


def wake_consumer() -> None:
    """Have the event loop turn now. From any thread but its own."""
    if _loop is not None:
        _loop.call_soon(_nothing)


def _nothing() -> None:
    """What the consumer is woken for: its loop turns, and looks for free threads."""
