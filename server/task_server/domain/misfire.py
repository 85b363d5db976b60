"""Which of a task's cron times become executions, once a scheduler has noticed that some have come."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import SECOND, Micros, seconds
from task_server.domain.schedule import MisfirePolicy, Schedule

#: What is noticed later than this was missed; what is not is made, whatever the policy is.
CATCH_UP: Micros = 10 * SECOND
#: Of one outage at most so many missed firings are counted, so that there is an end to the counting.
MOST_MISSED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Firings:
    """What to do about the cron times from one of them on. Each that lies before `next_fire` is made here, or was missed."""

    #: Those that become executions, in order.
    times: tuple[Micros, ...]
    #: How many are left out.
    missed: int
    #: The first that is neither: it is yet to come, or waits for another turn. None when there is no more.
    next_fire: Micros | None


def due_firings(schedule: Schedule, first: Micros, now: Micros, most: int) -> Firings:
    """What to do about the cron times from `first` to `now`, at most `most` of which are made in this turn."""
    missed = 0
    times: list[Micros] = []
    following: Micros | None = first
    oldest = _oldest(schedule, now)
    if first < oldest:
        last = schedule.latest(first, oldest - 1)
        missed = 1 + schedule.count(first, last, MOST_MISSED - 1)
        if schedule.misfire_policy is MisfirePolicy.FIRE_ONCE:
            missed -= 1
            times.append(last)
        following = schedule.next_fire(last, 0)
    while following is not None and following <= now and len(times) < most:
        times.append(following)
        following = schedule.next_fire(following, 0)
    return Firings(times=tuple(times), missed=missed, next_fire=following)


def left_out(schedule: Schedule, planned: Micros | None, now: Micros) -> int:
    """How many firings have come, the `planned` one first, that nobody makes: the task is held now, or goes by other times."""
    if not schedule.cron_expression or planned is None or planned > now:
        return 0
    return 1 + schedule.count(planned, now, MOST_MISSED - 1)


def _oldest(schedule: Schedule, now: Micros) -> Micros:
    """Before this, the policy leaves firings out."""
    if schedule.misfire_policy is MisfirePolicy.FIRE_ALL:
        return now - max(CATCH_UP, seconds(schedule.misfire_window_seconds))
    return now - CATCH_UP
