"""How a child ended, as its supervisor saw it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class SandboxUnavailable(Exception):
    """No child can be started; the message says why, for operators."""


class Cause(Enum):
    """What ended a child."""

    #: It answered and ended by itself.
    COMPLETED = auto()
    #: It was stopped on request.
    STOPPED = auto()
    #: It ran longer than `wall_seconds` and was killed.
    WALL = auto()
    #: It used more than `cpu_seconds` and was killed.
    CPU = auto()
    #: It printed more than `output_bytes` and was killed.
    OUTPUT = auto()
    #: It sent a result larger than `result_bytes` and was killed.
    RESULT = auto()
    #: It died of something else.
    CRASHED = auto()
    #: It died with the process that forked it.
    LOST = auto()
    #: A required layer could not be put on, so no user code ran.
    UNCAGED = auto()


@dataclass(frozen=True, slots=True)
class ChildFailure:
    """What the child says went wrong. It may lie about itself, so nothing but its own outcome depends on it."""

    reason: str
    error: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a child ended. The child is dead when this exists."""

    cause: Cause
    #: One sentence for CRASHED, LOST and UNCAGED, else empty.
    detail: str = ""
    #: The result as the child sent it: JSON text that nobody has checked. Only with COMPLETED.
    result: bytes | None = None
    #: Only with COMPLETED.
    failure: ChildFailure | None = None
    #: The layers that held, in the order in which they were put on.
    layers: tuple[str, ...] = ()
    #: Processor time, user and system, as wait4 counted it.
    cpu_seconds: float = 0.0
    #: The largest resident memory, as wait4 counted it.
    peak_memory_bytes: int = 0
    #: The signal that ended the child, 0 for none.
    exit_signal: int = 0
