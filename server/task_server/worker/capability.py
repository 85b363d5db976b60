"""What a worker may run: found once, when it starts, since its broker queues follow from it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from task_server.config import Settings
from task_server.domain.actions import ACTION_KINDS, ActionKind
from task_server.executors.executors import Executors

_log = logging.getLogger(__name__)
_REMIND_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """How well this worker keeps apart what it runs, and what it may run so."""

    level: str
    layers: tuple[str, ...] = ()
    #: Why it runs no code, in a sentence that says what to do; empty where it does.
    refusal: str = ""
    #: Why the cage does not hold although code runs in it, since `allow_unsandboxed_code` says so; empty otherwise.
    waived: str = ""

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """The kinds of action that it runs."""
        return ACTION_KINDS - {ActionKind.CODE} if self.refusal else ACTION_KINDS

    def announce(self) -> None:
        """Log it. A waived cage is an error, now and every hour for as long as this process lives."""
        about = {"level": self.level, "layers": ",".join(self.layers)}
        if self.waived:
            threading.Thread(target=self._remind, args=(about,), name="unsandboxed-code", daemon=True).start()
        elif self.refusal:
            _log.error("this worker runs no code, only API tasks: %s", self.refusal, extra=about)
        else:
            _log.info("the cage for code holds", extra=about)

    def _remind(self, about: dict[str, str]) -> None:
        while True:
            _log.error("code runs without its cage, as allow_unsandboxed_code says: %s", self.waived, extra=about)
            # Woken by nobody: the thread ends with the process.
            threading.Event().wait(_REMIND_SECONDS)


def find_capability(executors: Executors, settings: Settings) -> Capability:
    """What this machine and these settings allow, by a real child that tries what it must not be able to do."""
    found = executors.examine_cage()
    if settings.allow_unsandboxed_code:
        return Capability(level=found.level, layers=found.layers, waived=found.refusal)
    advice = " Run the worker where the kernel allows it, or set allow_unsandboxed_code." if found.refusal else ""
    return Capability(level=found.level, layers=found.layers, refusal=found.refusal + advice)
