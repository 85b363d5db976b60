"""Calling: the net under `limits`: places that are free, and to which nobody was called, are given on."""

from __future__ import annotations

from task_server.domain.clock import SECOND, Micros
from task_server.store import places
from task_server.usecases.ports import Ports

#: How long a bucket of starts is kept after it was full: so long may a transaction take that has read it.
_KEEP: Micros = 3600 * SECOND


class Calling:
    """The use case of calling. Any number of schedulers may do it at once: each execution is called by one of them.

    A place stays free where a limit was raised; where who was called was stopped, paused or ended before it began, or has not
    begun for a minute; and where the one that should be called was locked by somebody else just then. Whichever it was, it is
    given on by the first call after that: within one interval of the scheduler.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database

    def call_waiting(self) -> int:
        """Call up to 100 executions in each scope; return how many were called. To be called until it returns 0."""
        with self._database.read():
            scopes = places.scopes()
        called = 0
        for scope in scopes:
            with self._database.write():
                now = self._database.now()
                calls = self._ports.limits.call(self._ports, scope, now)
                places.forget_full(now - _KEEP)
            self._ports.tell_called(calls, now)
            called += len(calls)
        return called
