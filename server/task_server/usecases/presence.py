"""Presence: a process says that it is there, so that all see what runs, which queues are served, and who runs code."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import task_server
from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.process import BEAT_SECONDS, Process, ProcessRole
from task_server.store import processes
from task_server.store.database import Database

_log = logging.getLogger(__name__)
#: A process that ends waits no longer for the row of its own to be removed: the row is not believed for long.
_CLOSE_SECONDS = 2.0


def this_process(role: ProcessRole, **said: Any) -> Process:
    """The process that calls; `said` are further fields of `Process`."""
    host, pid = socket.gethostname(), os.getpid()
    return Process(
        name=f"{role.value}@{host}:{pid}", role=role, version=task_server.__version__, host=host, pid=pid, **said
    )


class Presence:
    """The row of this process, renewed by a thread of its own; removed where the process ends in order.

    Its connection to the database is open only for that moment, so that it counts as none.
    """

    def __init__(self, database: Database, process: Process) -> None:
        self._database = database
        self._process = process
        self._started_at: Micros | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Say so now, and every 10 s from now on."""
        self._thread.start()

    def close(self) -> None:
        """Take it back, and end the thread."""
        self._closed.set()
        self._thread.join(_CLOSE_SECONDS)

    def beat(self) -> None:
        """Say that the process is there. Raises DatabaseUnavailable."""
        with self._database.write():
            now = self._database.now()
            if self._started_at is None:
                # Another one had this name, and has ended without a word.
                processes.remove(self._process.name)
                self._started_at = now
            if not processes.renew(self._process.name, now):
                processes.insert(replace(self._process, started_at=self._started_at, seen_at=now))

    def leave(self) -> None:
        """Take it back. Raises DatabaseUnavailable."""
        with self._database.write():
            processes.remove(self._process.name)

    def _run(self) -> None:
        while True:
            self._try(self.beat)
            if self._closed.wait(BEAT_SECONDS):
                break
        self._try(self.leave)

    def _try(self, say: Callable[[], None]) -> None:
        try:
            say()
        except DatabaseUnavailable:
            _log.debug("the presence of this process could not be stored, the database is away")
        except Exception:
            # A defect; the process is of use all the same.
            _log.exception("the presence of this process could not be stored")
        finally:
            self._database.close()
