"""The scheduler's loop: fire and publish what is due, rescue what lost its worker, sleep until there is more."""

from __future__ import annotations

import logging
import threading

from task_server.dispatch.publisher import PublishError
from task_server.domain.clock import SECOND
from task_server.domain.errors import DatabaseUnavailable
from task_server.notifier.bell import Bell, Topic
from task_server.store.database import Database
from task_server.usecases.firing import Firing
from task_server.usecases.publishing import Publishing
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
        interval_seconds: float,
    ) -> None:
        self._database = database
        self._firing = firing
        self._publishing = publishing
        self._rescuing = rescuing
        self._interval_seconds = interval_seconds
        self._trouble = ""
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
        """End `run` after its present turn. May be called by a signal handler."""
        self._stopping = True
        self._woken.set()

    def _turn(self) -> float:
        """Do what is due; return how long to sleep, in seconds."""
        try:
            self._rescuing.rescue()
            wait = self._until_due()
            if wait <= 0:
                self._firing.fire_due()
                self._publishing.publish_due()
                wait = self._until_due()
        except DatabaseUnavailable:
            self._note("the database is away")
        except PublishError as error:
            self._note(f"the broker is away: {error}")
        except Exception:
            # A defect, or a row that can not be read: the other schedules must go on.
            _log.exception("a turn of the scheduler failed")
        else:
            self._note("")
            return min(max(wait, _SHORTEST_SECONDS), self._interval_seconds)
        return self._interval_seconds

    def _until_due(self) -> float:
        due = self._firing.next_due()
        return self._interval_seconds if due is None else (due - self._database.now()) / SECOND

    def _note(self, trouble: str) -> None:
        """Say once that something is wrong, and once that it is right again."""
        if trouble and not self._trouble:
            _log.warning("what is due waits: %s", trouble)
        elif self._trouble and not trouble:
            _log.info("what is due goes on")
        self._trouble = trouble
