"""What was seen of runs that nobody has registered, held back for a moment: whoever published them may be about to do so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from task_server.tracking.seen import Seen


@dataclass(slots=True)
class _Run:
    since: float
    seen: list[Seen] = field(default_factory=list)


class HeldBack:
    """What is held back, by run. Times are seconds of one clock."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        #: The oldest first.
        self._runs: dict[str, _Run] = {}
        self._bytes = 0

    @property
    def task_ids(self) -> Collection[str]:
        """The runs of which something is held back."""
        return self._runs.keys()

    def add(self, seen: Seen, now: float) -> None:
        """Hold something back."""
        self._runs.setdefault(seen.task_id, _Run(now)).seen.append(seen)
        self._bytes += seen.weight

    def take(self, task_id: str) -> list[Seen]:
        """What was held back of a run, in its order; it is not any more."""
        run = self._runs.pop(task_id, None)
        if run is None:
            return []
        self._bytes -= sum(seen.weight for seen in run.seen)
        return run.seen

    def take_overdue(self, now: float) -> list[Seen]:
        """What was held back long enough, and of the oldest runs as much as is too much altogether."""
        taken: list[Seen] = []
        while self._runs:
            task_id, run = next(iter(self._runs.items()))
            if run.since + self._seconds > now and self._bytes <= self._most_bytes:
                break
            taken += self.take(task_id)
        return taken
