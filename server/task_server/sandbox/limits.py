"""What one run may use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MIB = 1024 * 1024
#: Source that is read at all, in bytes of UTF-8.
MAX_SOURCE_BYTES = 256 * 1024
#: Below this an interpreter can not even report that it has too little.
_SMALLEST_MEMORY = 48 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one run. A child that passes one of them is killed or refused by the kernel, never asked."""

    #: Seconds on the clock, from the fork.
    wall_seconds: float
    #: Seconds of processor time; the kernel counts whole ones.
    cpu_seconds: int = 300
    #: Address space, in bytes. The interpreter itself takes about 30 MiB of it.
    memory_bytes: int = 256 * MIB
    #: Printed text, in bytes of UTF-8. More ends the run.
    output_bytes: int = MIB
    #: The result as JSON text, in bytes.
    result_bytes: int = MIB
    #: Open descriptors.
    open_files: int = 16

    def within(self, wall_seconds: float) -> Limits:
        """These limits for a run of so many seconds on the clock.

        One second of processor time past them is never reached while somebody watches; it is the net where nobody does.
        """
        cpu_seconds = min(self.cpu_seconds, math.ceil(wall_seconds) + 1)
        return replace(self, wall_seconds=wall_seconds, cpu_seconds=cpu_seconds)

    def __post_init__(self) -> None:
        """Raise ValueError for a limit under which nothing can run."""
        for name in ("wall_seconds", "cpu_seconds", "output_bytes", "result_bytes", "open_files"):
            if getattr(self, name) <= 0:
                message = f"{name} is {getattr(self, name)}; it must be positive"
                raise ValueError(message)
        if self.memory_bytes < _SMALLEST_MEMORY:
            message = f"memory_bytes is {self.memory_bytes}; it must be at least {_SMALLEST_MEMORY}"
            raise ValueError(message)
