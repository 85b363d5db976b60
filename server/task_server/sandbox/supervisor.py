"""Keeps a zygote alive and starts runs in its children."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from task_server.sandbox.child_run import ChildRun
from task_server.sandbox.ending import SandboxUnavailable
from task_server.sandbox.limits import Limits
from task_server.sandbox.zygote_process import ZygoteProcess

logger = logging.getLogger(__name__)


class Supervisor:
    """Runs jobs in children of one zygote, which is started at the first run and again when it died.

    Several threads may use it at the same time.

    Parameters:
        runner: the module that children run, as `task_server.sandbox.runner`.
        stop_grace: seconds between asking a stopped child to end and killing it.
    """

    def __init__(self, runner: str, *, stop_grace: float = 1.0) -> None:
        self._runner = runner
        self._stop_grace = stop_grace
        self._lock = threading.Lock()
        self._zygote: ZygoteProcess | None = None
        self._closed = False

    def warm_up(self) -> None:
        """Start the zygote now rather than at the first run.

        Raises SandboxUnavailable.
        """
        self._living_zygote()

    @property
    def zygote_pid(self) -> int | None:
        """The process id of the zygote, None where none runs."""
        with self._lock:
            return self._zygote.pid if self._zygote is not None and self._zygote.alive else None

    def start(self, job: bytes, limits: Limits, log: Callable[[str], None]) -> ChildRun:
        """Start a run; `log` gets what it prints, in the thread that waits for it.

        Raises SandboxUnavailable.
        """
        for last in (False, True):
            zygote = self._living_zygote()
            try:
                run = ChildRun(zygote, job, limits, log, stop_grace=self._stop_grace)
            except OSError as error:
                message = f"no descriptors are left for a run: {error.strerror}"
                raise SandboxUnavailable(message) from error
            try:
                run.begin()
            except OSError as error:
                run.abandon()
                zygote.kill()
                if last:
                    message = f"the sandbox process does not take runs: {error}"
                    raise SandboxUnavailable(message) from error
            else:
                return run
        raise AssertionError

    def close(self) -> None:
        """End the zygote and whatever still runs in its children."""
        with self._lock:
            self._closed = True
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def _living_zygote(self) -> ZygoteProcess:
        with self._lock:
            if self._closed:
                message = "the sandbox is closed"
                raise SandboxUnavailable(message)
            if self._zygote is not None and not self._zygote.alive:
                logger.warning("sandbox process %d has died and is started again", self._zygote.pid)
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = ZygoteProcess(self._runner)
            return self._zygote
