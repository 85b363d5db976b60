"""Counters and histograms that cost next to nothing until somebody reads them.

Prometheus' library is loaded only where a process serves its metrics: loading it takes 5 MB and 30 ms, in each process. Until then
a meter forgets what it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Every meter that was made, for `endpoint` to bring to life.
DECLARED: list[Meter] = []


class Meter:
    """Something that is counted or measured. Labels have few values each, and none that callers can make up.

    Parameters:
        name: as Prometheus wants it, without `task_manager_` before it.
        about: one sentence.
        labels: their names, in the order in which their values are given.
    """

    def __init__(self, name: str, about: str, labels: Sequence[str] = ()) -> None:
        self.name = f"task_manager_{name}"
        self.about = about
        self.labels = tuple(labels)
        #: Prometheus' own, once the process serves its metrics.
        self.live: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        DECLARED.append(self)

    def begin(self, live: Any) -> None:
        """Tell Prometheus' own from now on; None for nobody."""
        self._children = {}
        self.live = live

    def _of(self, labels: tuple[str, ...]) -> Any:
        # Looked up here, which takes a tenth of the time that Prometheus' own lookup does.
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self.live.labels(*labels) if labels else self.live
        return child


class Counter(Meter):
    """Counts what happens."""

    def count(self, *labels: str, by: int = 1) -> None:
        """Note that it happened once more, or `by` times."""
        if self.live is not None:
            self._of(labels).inc(by)


class Histogram(Meter):
    """Measures how long something takes, in seconds.

    Parameters:
        bounds: the upper bounds of its buckets.
    """

    def __init__(self, name: str, about: str, labels: Sequence[str] = (), *, bounds: Sequence[float]) -> None:
        super().__init__(name, about, labels)
        self.bounds = tuple(bounds)

    def observe(self, seconds: float, *labels: str) -> None:
        """Note that it took so long."""
        if self.live is not None:
            self._of(labels).observe(seconds)
