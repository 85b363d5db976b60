"""Counts and times of executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.status import ExecutionStatus

#: How many keys a map has at most, and how many periods there are.
MOST_KEYS = MOST_PERIODS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """How long something takes, each right to 1 %, and of how many executions that is known."""

    p50: Micros
    p95: Micros
    p99: Micros
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The executions that were made in one day or hour."""

    begin: Micros
    by_status: Mapping[ExecutionStatus, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStats:
    """What there is of the executions that match a filter. Keys without executions are left out."""

    total: int
    by_status: Mapping[ExecutionStatus, int]
    by_module: Mapping[str, int]
    by_task_name: Mapping[str, int]
    by_user: Mapping[str, int]
    #: SUCCESS among those that succeeded or failed, 0 to 1, without those of which nobody knows how they ended; 0 for none.
    success_rate: float
    waiting: Percentiles
    running: Percentiles
    #: The oldest first.
    periods: list[Period]
    #: Whether a map or `periods` leaves something out.
    truncated: bool
