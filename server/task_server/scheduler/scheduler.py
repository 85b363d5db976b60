"""The scheduler's loop: recover what was left behind, fire and publish what is due, sleep until there is more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from task_server.dispatch.publisher import PublishError
from task_server.domain.clock import SECOND
from task_server.domain.errors import DatabaseUnavailable
from task_server.notifier.bell import Bell, Topic
from task_server.store.database import Database
from task_server.usecases.calling import Calling
from task_server.usecases.expiring import Expiring
from task_server.usecases.firing import Firing
from task_server.usecases.publishing import Publishing
from task_server.usecases.reconciling import Reconciling
from task_server.usecases.rescuing import Rescuing

_log = logging.getLogger(__name__)
#: The shortest sleep, so that rows which somebody else holds are not asked for in a tight loop.
_SHORTEST_SECONDS = 0.01


class Scheduler:
    """Looks at the clock. `interval_seconds` bounds how late something may be that was made while the bell did not ring."""

    def __init__(
        self,
        *,
        database: Database,
        firing: Firing,
        publishing: Publishing,
        rescuing: Rescuing,
        expiring: Expiring,
        calling: Calling,
        reconciling: Reconciling,
        interval_seconds: float,
    ) -> None:
        self._database = database
        self._firing = firing
        self._publishing = publishing
        self._recoveries = (
            rescuing.rescue,
            expiring.expire,
            calling.call_waiting,
            publishing.bring_forward,
            reconciling.end_unasked,
        )
        self._interval_seconds = interval_seconds
        self._next_recovery = self._next_publishing = 0.0
        self._away: set[str] = set()
        self._woken = threading.Event()
        self._stopping = False

    def run(self, bell: Bell) -> None:
        """Look at the clock until `stop` is called, and at once when the bell rings for what will be due soon."""
        with bell.listen(Topic.DUE, lambda _: self._woken.set()):
            while not self._stopping:
                wait = self._turn()
                self._woken.wait(wait)
                self._woken.clear()

    def stop(self) -> None:
        """End `run` after its present turn. From any thread, but not from a signal handler: that may hold the lock already."""
        self._stopping = True
        self._woken.set()

    def _turn(self) -> float:
        """Do what is due; return how long to sleep, in seconds."""
        try:
            self._recover()
            wait = self._until_due()
            if wait <= 0:
                wait = self._do_what_is_due()
        except DatabaseUnavailable:
            self._note("database", "it does not answer")
            return self._interval_seconds
        except Exception:
            # A defect; but the clock must not stand still for it.
            _log.exception("a turn of the scheduler failed")
            return self._interval_seconds
        self._note("database")
        return min(wait, self._interval_seconds)

    def _do_what_is_due(self) -> float:
        """Fire, and publish; return how long to sleep. While the broker is away firing goes on by itself."""
        done = self._do(self._firing.fire_due)
        if time.monotonic() >= self._next_publishing:
            try:
                done += self._do(self._publishing.publish_due)
            except PublishError as error:
                self._note("broker", str(error))
                self._next_publishing = time.monotonic() + self._interval_seconds
            else:
                self._note("broker")
        if done:
            return 0.0
        # What can not be published stays due all the time.
        until_publishing = self._next_publishing - time.monotonic()
        return until_publishing if until_publishing > 0 else max(self._until_due(), _SHORTEST_SECONDS)

    def _recover(self) -> None:
        """Once in an interval, look for runs that lost their worker, whose time or message is gone, and give places on."""
        if time.monotonic() < self._next_recovery:
            return
        self._next_recovery = time.monotonic() + self._interval_seconds
        for recovery in self._recoveries:
            self._do(recovery)

    def _do(self, duty: Callable[[], int]) -> int:
        """Do one duty; return how much there was to do.

        One that fails by a defect, or by a row that nobody can read, does not keep the scheduler from the others.
        """
        try:
            return duty()
        except (DatabaseUnavailable, PublishError):
            raise
        except Exception:
            _log.exception("a duty of the scheduler failed", extra={"duty": duty.__qualname__})
            return 0

    def _until_due(self) -> float:
        due = self._firing.next_due()
        return self._interval_seconds if due is None else (due - self._database.now()) / SECOND

    def _note(self, what: str, reason: str = "") -> None:
        """Say once that something is away, and once that it is back."""
        if reason and what not in self._away:
            self._away.add(what)
            _log.warning("the %s is away, what is due waits: %s", what, reason)
        elif not reason and what in self._away:
            self._away.remove(what)
            _log.info("the %s is back, what is due goes on", what)
