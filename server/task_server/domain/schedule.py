"""When a task runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from task_server.domain import cron, cron_counting
from task_server.domain.clock import SECOND, Micros, seconds


class TaskType(StrEnum):
    """The three ways to run, in lower case as callers write them."""

    IMMEDIATE = "immediate"
    DELAYED = "delayed"
    SCHEDULED = "scheduled"


class MisfirePolicy(StrEnum):
    """What to do about firings that were noticed too late. The values are those of `Task.MisfirePolicy` in the protos."""

    SKIP = "SKIP"
    FIRE_ONCE = "FIRE_ONCE"
    FIRE_ALL = "FIRE_ALL"


class OverlapPolicy(StrEnum):
    """What to do about a firing while an earlier execution has not ended. The values are those of `Task.OverlapPolicy`."""

    ALLOW = "ALLOW"
    SKIP_NEW = "SKIP_NEW"
    QUEUE_ONE = "QUEUE_ONE"
    CANCEL_RUNNING = "CANCEL_RUNNING"


DEFAULT_MISFIRE_WINDOW_SECONDS = 3600.0


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
    misfire_policy: MisfirePolicy = MisfirePolicy.FIRE_ONCE
    #: Cron, with FIRE_ALL: how old a missed firing may be that is made, in seconds.
    misfire_window_seconds: float = DEFAULT_MISFIRE_WINDOW_SECONDS
    overlap_policy: OverlapPolicy = OverlapPolicy.ALLOW
    #: Cron: the execution of each firing is due a random part of so many seconds later.
    jitter_seconds: float = 0.0

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

    def latest(self, first: Micros, until: Micros) -> Micros:
        """The last cron firing not after `until`, of a schedule that had one at `first`, which is not after it either.

        The span is halved until it is a second wide, so that a month of missed seconds costs few turns more than a missed hour.
        """
        before, after = first - 1, until
        while after - before > SECOND:
            middle = (before + after) // 2
            following = self.next_fire(middle, 0)
            if following is not None and following <= until:
                before = middle
            else:
                after = middle
        following = self.next_fire(before, 0)
        return first if following is None or following > until else following

    def count(self, after: Micros, until: Micros, most: int) -> int:
        """How many cron firings come after `after` and not after `until`; `most` if there are more."""
        if self.start_at is not None:
            after = max(after, self.start_at - 1)
        if self.end_at is not None:
            until = min(until, self.end_at)
        if after >= until:
            return 0
        return cron_counting.count(self.cron_expression, self.time_zone, after, until, most)

    def jittered(self, task_id: str, fire_time: Micros) -> Micros:
        """When the execution of a cron firing is due: a random part of `jitter_seconds` later, the same whenever it is asked."""
        if not self.jitter_seconds:
            return fire_time
        digest = hashlib.blake2b(f"{task_id} {fire_time}".encode(), digest_size=8).digest()
        return fire_time + (int.from_bytes(digest) * seconds(self.jitter_seconds) >> 64)
