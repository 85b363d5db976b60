"""Tasks, and executions, that could not be handled: they are left alone for a while, so that the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from task_server.domain.clock import SECOND, Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.executions import Found

_log = logging.getLogger(__name__)

#: How long one is left alone.
_PAUSE: Micros = 60 * SECOND
#: How long one is remembered after that: it is spoken of once, unless it was fine in between.
_MEMORY: Micros = 3600 * SECOND


class Quarantine:
    """The ids of one process. Another one finds out for itself."""

    def __init__(self) -> None:
        self._until: dict[str, Micros] = {}

    def put(self, task_id: str, now: Micros) -> bool:
        """Leave one alone for a minute. True unless it was left alone before."""
        is_new = task_id not in self._until
        self._until[task_id] = now + _PAUSE
        return is_new

    def remove(self, task_id: str) -> None:
        """Note that one is fine."""
        self._until.pop(task_id, None)

    def ids(self, now: Micros) -> list[str]:
        """Those that are to be left alone now."""
        self._until = {task_id: until for task_id, until in self._until.items() if until > now - _MEMORY}
        return [task_id for task_id, until in self._until.items() if until > now]

    def handle(self, found: Iterable[Found], now: Micros, handle: Callable[[Found], bool]) -> int:
        """Handle executions but those that are to be left alone now, each for itself; return how many `handle` says yes of."""
        besides = set(self.ids(now))
        return sum(self._handle(run, now, handle) for run in found if run.id not in besides)

    def _handle(self, run: Found, now: Micros, handle: Callable[[Found], bool]) -> bool:
        try:
            done = handle(run)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if self.put(run.id, now):
                message = "execution %s can not be handled; it is tried again every minute, without another word"
                _log.error(message, run.id, exc_info=error, extra={"execution": run.id})
            return False
        self.remove(run.id)
        return done
