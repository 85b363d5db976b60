"""When a task runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from task_server.domain import cron
from task_server.domain.clock import Micros, seconds


class TaskType(StrEnum):
    """The three ways to run, in lower case as callers write them."""

    IMMEDIATE = "immediate"
    DELAYED = "delayed"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """At most one of `delay_seconds`, `run_at` and `cron_expression` is set; none means now."""

    delay_seconds: float | None = None
    run_at: Micros | None = None
    cron_expression: str = ""
    #: IANA name; empty is UTC.
    time_zone: str = ""
    #: Cron: no firing before.
    start_at: Micros | None = None
    #: Cron: no firing after.
    end_at: Micros | None = None
    #: Cron: firings in all, 0 for no limit.
    max_runs: int = 0

    @property
    def task_type(self) -> TaskType:
        """What follows from the schedule for `Task.task_type`."""
        if self.cron_expression:
            return TaskType.SCHEDULED
        if self.delay_seconds is not None or self.run_at is not None:
            return TaskType.DELAYED
        return TaskType.IMMEDIATE

    def due_at(self, now: Micros) -> Micros:
        """When the one run of a task without cron is due, for a task made at `now`."""
        if self.run_at is not None:
            return max(now, self.run_at)
        return now + seconds(self.delay_seconds or 0.0)

    def next_fire(self, after: Micros, fired: int) -> Micros | None:
        """The first cron firing after `after`, when `fired` have been; None when there is no more."""
        if not self.cron_expression or (self.max_runs and fired >= self.max_runs):
            return None
        if self.start_at is not None:
            after = max(after, self.start_at - 1)  # a firing exactly at start_at counts
        following = cron.next_fire(self.cron_expression, self.time_zone, after)
        if following is None or (self.end_at is not None and following > self.end_at):
            return None
        return following

    def upcoming(self, after: Micros, count: int) -> list[Micros]:
        """The next `count` cron firings; fewer when there are no more."""
        times: list[Micros] = []
        while len(times) < count:
            following = self.next_fire(times[-1] if times else after, len(times))
            if following is None:
                break
            times.append(following)
        return times
