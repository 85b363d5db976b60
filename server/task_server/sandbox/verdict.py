"""From what the supervisor did, what the kernel says and what the child says to how the run ended."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from task_server.sandbox.ending import Cause, Ending
from task_server.sandbox.limits import Limits
from task_server.sandbox.witness import Witness


@dataclass(frozen=True, slots=True)
class Exit:
    """What wait4 said of a child."""

    #: As wait4 gives it.
    status: int
    cpu_seconds: float
    peak_memory_bytes: int

    @property
    def signal_number(self) -> int:
        """The signal that ended it, 0 for none."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0


def ending_of(cause: Cause | None, exit_: Exit | None, witness: Witness, limits: Limits) -> Ending:
    """How the run ended.

    Parameters:
        cause: why the supervisor ended it, None where it did not.
        exit_: None where the zygote died before it could say.
    """
    detail = ""
    if cause is None:
        cause, detail = _cause_and_detail(exit_, witness, limits)
    elif cause is Cause.CRASHED:
        detail = "The run broke the protocol of the sandbox and was killed."
    completed = cause is Cause.COMPLETED
    return Ending(
        cause=cause,
        detail=detail,
        result=witness.result if completed else None,
        failure=witness.failure if completed else None,
        layers=witness.layers or (),
        cpu_seconds=exit_.cpu_seconds if exit_ else 0.0,
        peak_memory_bytes=exit_.peak_memory_bytes if exit_ else 0,
        exit_signal=exit_.signal_number if exit_ else signal.SIGKILL,
    )


def _cause_and_detail(exit_: Exit | None, witness: Witness, limits: Limits) -> tuple[Cause, str]:
    if witness.refusal:
        return Cause.UNCAGED, witness.refusal
    if exit_ is None:
        return Cause.LOST, "The sandbox process died, and the run with it."
    number = exit_.signal_number
    if number == signal.SIGXCPU or (number == signal.SIGKILL and exit_.cpu_seconds >= limits.cpu_seconds):
        return Cause.CPU, ""
    if number == signal.SIGKILL:
        return Cause.CRASHED, "The run was killed by the system, most likely because the machine ran out of memory."
    if number:
        return Cause.CRASHED, f"The run died of signal {_signal_name(number)}."
    if exit_.status == 0 and (witness.result is not None or witness.failure is not None):
        return Cause.COMPLETED, ""
    return Cause.CRASHED, f"The run ended without an answer (exit code {os.waitstatus_to_exitcode(exit_.status)})."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
