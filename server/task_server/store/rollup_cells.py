"""In which cells of the rollup an execution is counted.

A cell is a key of the table `execution_rollup` with a number. Its *grouping set* says by which of owner, module and task name it
counts (the others are empty there); its *period* how long the time is in which the executions were made, from `begins_at` on, 0 for
all time; its *measure* what is counted: executions, or those that waited or ran for a time of the cell's *bucket*.

Not every set has cells of every period and measure: where there would be about as many cells as executions, rows are counted
instead, which are few then. `RUN_PERIODS` and `TIME_PERIODS` say what there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from task_server.domain.clock import SECOND, Micros
from task_server.domain.listing import ExecutionFilter
from task_server.domain.status import ExecutionStatus
from task_server.domain.time_buckets import bucket

#: The bits of a grouping set.
OWNER, MODULE, TASK_NAME = 1, 2, 4
EVERYTHING, ALL_THREE = 0, OWNER | MODULE | TASK_NAME

ALL_TIME: Micros = 0
DAY: Micros = 86_400 * SECOND
#: Of these the days and hours of all time zones are made.
QUARTER: Micros = 900 * SECOND

#: In which periods executions are counted, by grouping set, and in which their times are.
RUN_PERIODS: Mapping[int, tuple[Micros, ...]] = {
    EVERYTHING: (ALL_TIME, DAY, QUARTER),
    OWNER: (ALL_TIME, DAY, QUARTER),
    MODULE: (ALL_TIME, DAY),
    TASK_NAME: (ALL_TIME, DAY),
    OWNER | MODULE: (ALL_TIME,),
    OWNER | TASK_NAME: (ALL_TIME,),
    MODULE | TASK_NAME: (ALL_TIME,),
    ALL_THREE: (ALL_TIME,),
}
TIME_PERIODS: Mapping[int, tuple[Micros, ...]] = {
    EVERYTHING: (ALL_TIME, DAY),
    OWNER: (ALL_TIME,),
    MODULE: (ALL_TIME,),
    TASK_NAME: (ALL_TIME,),
}


#: Of each status, the outcomes that it is counted as: a FAILURE of which nobody knows how it ended is an outcome of its own.
UNKNOWN = "UNKNOWN"
OUTCOMES: Mapping[ExecutionStatus, tuple[str, ...]] = {
    status: (status.value, UNKNOWN) if status is ExecutionStatus.FAILURE else (status.value,)
    for status in ExecutionStatus
}


def status_of(outcome: str) -> ExecutionStatus:
    """The status of an outcome."""
    return ExecutionStatus.FAILURE if outcome == UNKNOWN else ExecutionStatus(outcome)


class Measure:
    """What a cell counts."""

    RUNS, WAITED, RAN = range(3)


class Change(NamedTuple):
    """`n` more executions of this kind. `waited` and `ran` are None where they are not known."""

    n: int
    owner_id: str
    module: str
    task_name: str
    outcome: str
    created_at: Micros
    waited: Micros | None
    ran: Micros | None


class Names(NamedTuple):
    """By which names a filter narrows; empty means any."""

    owner_id: str
    module: str
    task_name: str

    @classmethod
    def of(cls, wanted: ExecutionFilter) -> Names:
        """Those of a filter."""
        return cls(wanted.owner_id or "", wanted.module, wanted.task_name)

    @property
    def grouping_set(self) -> int:
        """The set whose cells count by these names."""
        return sum(bit for bit, name in zip((OWNER, MODULE, TASK_NAME), self, strict=True) if name)

    @property
    def given(self) -> dict[str, str]:
        """Those that are not empty."""
        return {column: name for column, name in self._asdict().items() if name}


#: The key of a cell: the values of these columns.
Cell = tuple[int, Micros, int, str, str, str, Micros, str, int]
CELL = ("grouping_set", "period", "measure", "owner_id", "module", "task_name", "begins_at", "outcome", "bucket")


def cells(changes: Iterable[Change]) -> dict[Cell, int]:
    """By how much the changes move each cell, in the order of the keys; without those that stay as they are."""
    net: dict[Change, int] = defaultdict(int)
    for change in changes:
        # A run that began and ended since was in the first two of its states for nothing.
        net[change._replace(n=1)] += change.n
    moved: dict[Cell, int] = defaultdict(int)
    for change, n in net.items():
        if n:
            for cell in _cells_of(change):
                moved[cell] += n
    return {cell: moved[cell] for cell in sorted(moved) if moved[cell]}


def _cells_of(change: Change) -> Iterator[Cell]:
    _, owner_id, module, task_name, outcome, created_at, waited, ran = change
    times = [
        (measure, bucket(time)) for measure, time in ((Measure.WAITED, waited), (Measure.RAN, ran)) if time is not None
    ]
    for grouping_set, periods in RUN_PERIODS.items():
        owner = owner_id if grouping_set & OWNER else ""
        of_module = module if grouping_set & MODULE else ""
        name = task_name if grouping_set & TASK_NAME else ""
        measured = TIME_PERIODS.get(grouping_set, ())
        for period in periods:
            begins_at = created_at // period * period if period else 0
            yield grouping_set, period, Measure.RUNS, owner, of_module, name, begins_at, outcome, 0
            if period in measured:
                for measure, at in times:
                    yield grouping_set, period, measure, owner, of_module, name, begins_at, outcome, at
