"""Hearing: until when the events of each followed app were heard, so that whoever listens again knows what it has missed."""

from __future__ import annotations

from collections.abc import Callable

from task_server.domain.clock import Micros, seconds
from task_server.store import heard
from task_server.usecases.ports import Ports

#: How far back who follows an app for the first time looks: as long as Celery keeps results where nothing else is set.
_FIRST = seconds(86_400)
#: How much more than what was missed is looked at: clocks differ, what was heard last may not have been stored, and that a
#: connection is gone without a word is noticed after a minute.
_SLACK = seconds(300)


class Hearing:
    """The use cases of hearing. Any number of processes may follow an app: what one of them hears none has missed."""

    def __init__(self, ports: Ports, kept: Micros | None) -> None:
        """`kept` is how long executions are kept after their end, None for ever."""
        self._database = ports.database
        self._kept = kept

    def missed_since(self, app: str) -> Micros:
        """From when on things may have happened in the app with that name that nobody heard of.

        It is never so long ago that what ended then would be kept no longer: what was removed does not come back.
        """
        with self._database.read():
            now, until = self._database.now(), heard.until(app)
        since = (now - _FIRST if until is None else until) - _SLACK
        return since if self._kept is None else max(since, now - self._kept)

    def note(self, app: str, is_heard: Callable[[], bool]) -> bool:
        """Note that all until now was heard, if `is_heard` says so at a time that is not before now; whether it did."""
        with self._database.write():
            now = self._database.now()
            if not is_heard():
                return False
            heard.move_on(app, now)
        return True
