"""The recorder: reports of runs of other Celery apps, sent in the background by a process that has something else to do.

Whoever reports never waits and never sees an error. Reports wait in memory, in their order, until the service has taken them; while
it is away they pile up to a bound, beyond which the oldest are dropped and a warning says so.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from task_manager.backlog import Backlog, Seen
from task_manager.client import TaskClient
from task_manager.complaints import Complaints
from task_manager.connection import Connection
from task_manager.delivery import MOST_REPORTS, Delivery, calling
from task_manager.django_project import setting
from task_manager.reports import RegisterFields, ReportFields, report

DEFAULT_CAPACITY = 10_000
"""How many reports may wait, unless TASK_MANAGER_QUEUE_SIZE says otherwise."""
_LINGER = 0.5
"""Seconds that a report waits for others to go with it: a call costs the process as much as a hundred reports do."""
_AT_ONCE = 0.001
"""Seconds of making reports after which whoever publishes gets the interpreter: to give way costs more than one report does."""
_EXIT_SECONDS = 2.0
"""Seconds that the end of the process may be held up for what still waits."""

_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
#: That of `default_recorder` alone: its calls come from a native thread, which must not meet greenlets in the locks of one client.
_connection = Connection()


class Recorder:
    """A bounded backlog and one thread that empties it. It may be shared by threads, and a fork begins anew with an empty one.

    Args:
        client: gives the client to send with. It is called by the thread, in the process that sends.
        capacity: how many reports may wait.
    """

    def __init__(self, client: Callable[[], TaskClient], *, capacity: int = DEFAULT_CAPACITY) -> None:
        self._client = client
        self._capacity = capacity
        self._begin()
        _recorders.add(self)

    def _begin(self) -> None:
        self._complaints = Complaints()
        self._backlog = Backlog(self._capacity)
        self._delivery = Delivery(self._client, self._complaints)
        self._thread: threading.Thread | None = None
        # A signal handler, or what is told at an object's end, may come in between and report too.
        self._lock = threading.RLock()
        #: Told when there is something to send, and when all is sent.
        self._filled, self._emptied = threading.Condition(self._lock), threading.Condition(self._lock)
        #: Set while somebody waits for the end.
        self._hurry = threading.Event()
        self._is_sending = False
        #: How many reports were dropped because too many waited.
        self.dropped = 0

    def register(self, **fields: Unpack[RegisterFields]) -> None:
        """Record a run. What the fields hold must be JSON."""
        status = fields.pop("initial_status", "PENDING")
        self.put(dict, {**fields, "status": status})

    def report(self, **fields: Unpack[ReportFields]) -> None:
        """Record what was seen of a run, and the run where that is not done yet; as `register`."""
        self.put(dict, fields)

    def put(self, make: Callable[..., Mapping[str, Any]], *raw: Any) -> None:
        """Record what `make(*raw)` gives: the fields of a report. Mostly the sending thread calls it, and nobody waits for it."""
        try:
            seen = Seen.of(time.time(), make, raw)
        except Exception as error:
            self._unfit(error)
            return
        with self._lock:
            dropped = self._backlog.add(seen)
            self.dropped += dropped
            if self._thread is None:
                self._start()
            elif len(self._backlog) in (1, MOST_REPORTS):
                self._filled.notify()
        if dropped:
            self._complaints.warn("full", "The oldest reports were dropped, since as many wait as may")

    def flush(self, timeout: float) -> bool:
        """Send all that waits, and wait for that for at most so many seconds. True where nothing waits any more."""
        with self._lock:
            self._hurry.set()
            self._filled.notify()
            try:
                return self._emptied.wait_for(lambda: not (self._backlog or self._is_sending), timeout)
            finally:
                self._hurry.clear()

    def finish(self) -> None:
        """Send what waits before the process ends, which is held up for two seconds at most, and warn of what is lost."""
        if not self.flush(_EXIT_SECONDS):
            self._complaints.warn("lost", "Reports were lost, since the process ends and the service did not take them")

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, args=(self._delivery,), name="task-manager-recorder", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._complaints.warn("thread", f"Reports wait, since no thread can be started: {error}")
            return
        self._thread = thread

    def _run(self, delivery: Delivery) -> None:
        while self._delivery is delivery:
            self._make(self._take(delivery), delivery)
            while self._delivery is delivery and delivery.waiting:
                delay = delivery.attempt()
                if delay and self._hurry.wait(delay):
                    # Somebody waits for the end, with a bound of his own.
                    time.sleep(min(delay, _LINGER))
        # Unlike a thread, a greenlet goes on in a forked child. To end would be an error there: `threading` knows it no more.
        threading.Event().wait()

    def _take(self, delivery: Delivery) -> list[Seen]:
        """What waits, as soon as something does; nothing for a delivery that has become the parent's."""
        with self._lock:
            backlog, filled = self._backlog, self._filled
            self._is_sending = False
            if not backlog:
                self._emptied.notify_all()
            while not backlog:
                filled.wait()
            if len(backlog) < MOST_REPORTS and not self._hurry.is_set():
                filled.wait(_LINGER)
            if self._delivery is not delivery:
                return []
            self._is_sending = True
            return backlog.take(MOST_REPORTS)

    def _make(self, taken: list[Seen], delivery: Delivery) -> None:
        until = time.monotonic() + _AT_ONCE
        for seen in taken:
            try:
                delivery.waiting.append(report(seen.seconds, seen.fields()))
            except Exception as error:
                self._unfit(error)
            if time.monotonic() >= until:
                time.sleep(0)
                until = time.monotonic() + _AT_ONCE

    def _unfit(self, error: Exception) -> None:
        # The values stay out of the log.
        self._complaints.warn("unfit", f"A report was left out, since it can not be sent: {type(error).__name__}")


@functools.cache
def default_recorder() -> Recorder:
    """The recorder of this process, which sends to where `default_client()` does. What waits at its end has two seconds more."""
    recorder = Recorder(lambda: _connection.client(), capacity=_capacity())
    atexit.register(recorder.finish)
    return recorder


def _capacity() -> int:
    text = setting("TASK_MANAGER_QUEUE_SIZE") or ""
    return int(text) if text.isdecimal() and int(text) > 0 else DEFAULT_CAPACITY


def _begin_in_child() -> None:
    # What waited is the parent's to send, and its thread and locks are not ours.
    for each in list(_recorders):
        each._begin()
    _connection.forget()
    calling.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=calling.acquire, after_in_parent=calling.release, after_in_child=_begin_in_child)
