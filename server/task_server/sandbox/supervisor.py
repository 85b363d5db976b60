"""Keeps a zygote alive and starts runs in its children."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from task_server.sandbox.child_run import ChildRun
from task_server.sandbox.ending import SandboxUnavailable
from task_server.sandbox.limits import Limits
from task_server.sandbox.zygote_process import Retired, ZygoteProcess

logger = logging.getLogger(__name__)

#: Renewing costs a tenth of a second of processor time, in the background: a ten-thousandth of a second for each run.
_RENEW_AFTER = 1_000


class Supervisor:
    """Runs jobs in children of one zygote, which is started at the first run, again when it died, and anew every so many runs.

    Several threads may use it at the same time.

    Parameters:
        runner: the module that children run, as `task_server.sandbox.runner`.
        stop_grace: seconds between asking a stopped child to end and killing it.
        lenient: whether jobs run although layers that the runner requires do not hold.
        separate: whether zygotes enter namespaces of their own where they may.
        renew_after: the runs after which another zygote takes over. Children of one share the layout of its memory and the seed of
            its hashes: what one run finds out of them shall be of no use to those long after it.
    """

    def __init__(
        self,
        runner: str,
        *,
        stop_grace: float = 1.0,
        lenient: bool = False,
        separate: bool = True,
        renew_after: int = _RENEW_AFTER,
    ) -> None:
        self._runner = runner
        self._stop_grace = stop_grace
        self._lenient = lenient
        self._separate = separate
        self._renew_after = renew_after
        self._lock = threading.Lock()
        self._zygote: ZygoteProcess | None = None
        #: The runs that the zygote has been asked for.
        self._runs = 0
        self._retired: list[ZygoteProcess] = []
        self._renewal: threading.Thread | None = None
        self._closed = False
        #: How many zygotes have died by themselves.
        self.deaths = 0

    def warm_up(self) -> None:
        """Start the zygote now rather than at the first run.

        Raises SandboxUnavailable.
        """
        with self._lock:
            self._living_zygote()

    @property
    def zygote_pid(self) -> int | None:
        """The process id of the zygote, None where none runs."""
        with self._lock:
            return self._zygote.pid if self._zygote is not None and self._zygote.alive else None

    def start(self, job: bytes, limits: Limits, log: Callable[[str], None], *, lenient: bool | None = None) -> ChildRun:
        """Start a run; `log` gets what it prints, in the thread that waits for it.

        Parameters:
            lenient: for this run alone; None for what holds for all.

        Raises SandboxUnavailable.
        """
        lenient = self._lenient if lenient is None else lenient
        tried = False
        while True:
            zygote = self._zygote_for_a_run()
            try:
                run = ChildRun(zygote, job, limits, log, stop_grace=self._stop_grace, lenient=lenient)
            except OSError as error:
                message = f"no descriptors are left for a run: {error.strerror}"
                raise SandboxUnavailable(message) from error
            try:
                run.begin()
            except Retired:
                run.abandon()
            except OSError as error:
                run.abandon()
                zygote.kill()
                if tried:
                    message = f"the sandbox process does not take runs: {error}"
                    raise SandboxUnavailable(message) from error
                tried = True
            else:
                return run

    def close(self) -> None:
        """End the zygote and whatever still runs in its children."""
        with self._lock:
            self._closed = True
            zygotes = [*self._retired, *([self._zygote] if self._zygote is not None else [])]
            self._zygote, self._retired = None, []
            renewal = self._renewal
        if renewal is not None:
            renewal.join()
        for zygote in zygotes:
            zygote.close()

    def _zygote_for_a_run(self) -> ZygoteProcess:
        with self._lock:
            zygote = self._living_zygote()
            self._runs += 1
            if self._runs >= self._renew_after and self._renewal is None:
                self._renewal = threading.Thread(target=self._renew, name="sandbox-zygote-renewal", daemon=True)
                self._renewal.start()
            return zygote

    def _living_zygote(self) -> ZygoteProcess:
        if self._closed:
            message = "the sandbox is closed"
            raise SandboxUnavailable(message)
        if self._zygote is not None and not self._zygote.alive:
            logger.warning("sandbox process %d has died and is started again", self._zygote.pid)
            self._zygote.close()
            self._zygote = None
            self.deaths += 1
        if self._zygote is None:
            self._zygote, self._runs = ZygoteProcess(self._runner, separate=self._separate), 0
        return self._zygote

    def _renew(self) -> None:
        """Start another zygote, and only then let the old one go: no run waits for it, and none is ended."""
        try:
            fresh = ZygoteProcess(self._runner, separate=self._separate)
        except SandboxUnavailable as error:
            logger.warning("sandbox process can not be renewed, the old one goes on: %s", error)
            with self._lock:
                self._runs, self._renewal = 0, None
            return
        with self._lock:
            self._renewal = None
            if self._closed:
                unused: list[ZygoteProcess] = [fresh]
            else:
                unused = [zygote for zygote in self._retired if not zygote.alive]
                self._retired = [zygote for zygote in self._retired if zygote.alive]
                if self._zygote is not None:
                    self._zygote.retire()
                    self._retired.append(self._zygote)
                self._zygote, self._runs = fresh, 0
        for zygote in unused:
            zygote.close()
