"""What every executor is: something that starts an action and hands back a run that can be waited for and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from task_server.domain.outcome import Outcome

_Action = TypeVar("_Action", contravariant=True)


@dataclass(frozen=True, slots=True)
class AttemptId:
    """Which attempt an executor is asked for."""

    execution_id: str
    #: 1 for the first; those that were lost with their worker count too.
    number: int


class Run(Protocol):
    """One run of an action."""

    def wait(self) -> Outcome:
        """Supervise the run until it has ended, and say how. To be called once started, and at once: it is in this call
        that limits are kept and `log` is called. What `log` raises ends the run and comes out here.
        """

    def stop(self) -> None:
        """End the run early: from any thread, at any time, any number of times.

        The outcome is REVOKED, unless the run had ended before.
        """

    def kill(self) -> None:
        """End the run without asking it and without a grace, as `stop` otherwise: for a run that is somebody else's now."""


class Executor(Protocol[_Action]):
    """Starts actions of one kind. Several threads may use it at the same time."""

    def start(self, action: _Action, *, attempt: AttemptId, timeout: float, log: Callable[[str], None]) -> Run:
        """Start the action.

        Parameters:
            attempt: whose attempt it is, for executors that tell it to whom they call.
            timeout: seconds that it may take in all.
            log: gets what it prints, as it is printed.

        Never raises: what can not be started is a run that has failed already.
        """

    def close(self) -> None:
        """End everything that still runs."""


class EndedRun:
    """A run that had ended when it started."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def wait(self) -> Outcome:
        """Its outcome."""
        return self._outcome

    def stop(self) -> None:
        """There is nothing to stop."""

    def kill(self) -> None:
        """There is nothing to end."""
