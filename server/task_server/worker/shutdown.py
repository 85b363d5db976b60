"""How a worker ends: the signals that ask for it, and what Celery does not do of its own.

SIGTERM and SIGINT begin a drain, SIGQUIT and any second signal hasten it; the process exits 0. Celery's own ways are not bounded (a
warm shutdown waits for the longest run) or lose work (a cold one drops what runs).
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from typing import Any

from celery import bootsteps, platforms
from celery.utils.threads import bound_open_broker_sockets
from celery.worker import state

from task_server.config import Settings
from task_server.worker.drain import Drain
from task_server.worker.pool import wake_consumer

_log = logging.getLogger(__name__)
_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT")
#: How long a broker that does not answer is waited for. One that does answers within the second of an unanswered BRPOP.
_BROKER_SECONDS = 2.0
#: How long after the last child's grace the process may take to end, before it ends itself. Less than what `up` gives beyond that.
_LAST_SECONDS = 3.5
_LOOK_SECONDS = 0.1


class Shutdown(bootsteps.StartStopStep):  # type: ignore[misc] # celery ships no types
    """A step of the worker between its pool and its consumer: stopped when no more is taken, before the pool is waited for."""

    requires = ("celery.worker.components:Pool",)
    #: Set by `installed`.
    settings: Settings
    drain: Drain

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        # Its `put` may interrupt whatever the main thread does, as a lock may not.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def start(self, parent: Any) -> None:  # noqa: ARG002 - as the base class has it
        """Take the signals from Celery. A thread does what they ask for: a handler may hold up, and be held up by, any lock."""
        threading.Thread(target=self._obey, name="signals", daemon=True).start()
        for name in _SIGNALS:
            platforms.signals[name] = lambda number, _: self._signals.put(number)

    def stop(self, parent: Any) -> None:
        """The consumer has stopped: give back the message that may come yet, and see to it that the rest ends in time."""
        self.drain.begin()
        self.drain.stop_consumer()
        threading.Thread(target=self._limit, name="shutdown-limit", daemon=True).start()
        connection = parent.consumer.connection
        if connection is not None:
            _close_channels(connection)

    def terminate(self, parent: Any) -> None:
        """Celery itself wants an end at once, as where no descriptors are left."""
        self.drain.hasten()
        self.stop(parent)

    def _obey(self) -> None:
        while True:
            number = self._signals.get()
            if number == signal.SIGQUIT or self.drain.begun:
                _log.info("asked to end at once: what runs is killed and given back")
                self.drain.hasten()
            else:
                _log.info("asked to end", extra={"drain_seconds": self.settings.drain_seconds})
                self.drain.begin()
            state.should_stop = 0
            wake_consumer()

    def _limit(self) -> None:
        """End the process, whatever it waits for: a database that does not answer, most likely."""
        until = time.monotonic() + self.settings.drain_seconds + self.settings.stop_grace_seconds + _LAST_SECONDS
        is_hasty = False
        while time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            if self.drain.hastened and not is_hasty:
                is_hasty, until = True, min(until, time.monotonic() + _LAST_SECONDS)
        _log.error("the worker does not come to an end; what it holds is left to the leases")
        logging.shutdown()
        os._exit(1)


def _close_channels(connection: Any) -> None:
    """Take the answer to a BRPOP that was asked for before the consumer stopped; kombu puts a message that is in it back.

    Celery does it after the last run has ended, which leaves that message with nobody for so long.
    """
    bound_open_broker_sockets(connection, _BROKER_SECONDS)
    for channel in list(connection.transport.channels or ()):
        try:
            channel.close()
        except Exception as error:
            # Whatever the transport raises: the broker is away, and the scheduler sends it again.
            _log.warning("the broker did not answer: %s", error)
