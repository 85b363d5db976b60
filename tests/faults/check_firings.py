"""Schedules: every time of the expression fired once, reckoned here without the service's arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.facts import ExecutionRow, Facts, TaskRow
from tests.faults.finding import Finding
from tests.faults.item import Item
from tests.faults.load import Made

_SECOND = 1_000_000
#: No call is answered later than this after it was made, in seconds.
_LONGEST_SECONDS = 100


def schedules_fire_as_written(facts: Facts) -> Iterator[Finding]:
    """Each time of the expression, from the first on, has one execution or is counted as left out; no other time has one."""
    for task in facts.tasks:
        item = facts.item.get(task.name)
        if item is None or not item.seconds_of_minute:
            continue
        firings = [run for run in facts.executions_of[task.task_id] if run.scheduled_for is not None]
        for time, count in Counter(run.scheduled_for for run in firings).items():
            if count > 1:
                yield Finding(f"{task.name} fired {count} times for {time}", task.task_id)
        # Where it is not known to the second when an update came, one of those in question must account for all.
        possible = [
            list(_untimely(item, facts.made[item.key].end_at, task, firings, changed))
            for changed in _changes(item, facts.made[item.key])
        ]
        yield from min(possible, key=len)
        most = int(item.fields.get("max_runs", 0))
        if most and (len(firings) > most or (len(firings) < most and task.stopped_at is None)):
            yield Finding(f"{task.name} fired {len(firings)} times, its max_runs is {most}", task.task_id)


def _changes(item: Item, made: Made) -> list[int | None]:
    """The last second in which it may have gone by its first times; None for all."""
    changes: list[int | None] = []
    for update in made.updates if item.later_seconds else ():
        if update.is_unknown or not update.ended:
            # At any time since, or never.
            changes += [None, *range(int(update.began), int(update.began) + _LONGEST_SECONDS)]
        elif update.etag:
            changes += range(int(update.began), int(update.ended) + 1)
    return changes or [None]


def _untimely(
    item: Item, end_at: int, task: TaskRow, firings: list[ExecutionRow], changed: int | None
) -> Iterator[Finding]:
    expected = _expected(item, end_at, task, firings, changed)
    made = {run.scheduled_for or 0 for run in firings}
    for time in sorted(made - set(expected)):
        yield Finding(f"{task.name} fired for {time}, which is no time of its schedule", task.task_id)
    missing = [time for time in expected if time not in made]
    yield from _left_out(item, task, missing, max(made, default=0), changed)


def _left_out(item: Item, task: TaskRow, missing: list[int], last: int, changed: int | None) -> Iterator[Finding]:
    """What was not made must be counted, and only a policy may leave anything out, or an update what had come before it."""
    by_update = changed is not None and all(time <= changed * _SECOND for time in missing)
    missed_allowed = "misfire_policy" not in item.fields or by_update
    skipped_allowed = "overlap_policy" in item.fields
    if (task.missed_count and not missed_allowed) or (task.skipped_count and not skipped_allowed):
        counts = f"{task.missed_count} as missed and {task.skipped_count} as skipped"
        yield Finding(f"{task.name} counts {counts}, and no policy of it leaves anything out", task.task_id)
    least = len(missing) if task.stopped_at is None else sum(time < last for time in missing)
    if not least <= task.missed_count + task.skipped_count <= len(missing):
        counted = task.missed_count + task.skipped_count
        times = ", ".join(map(str, missing[:5]))
        yield Finding(f"{task.name} left out {len(missing)} firings ({times}) and counts {counted}", task.task_id)


def _expected(item: Item, end_at: int, task: TaskRow, firings: list[ExecutionRow], changed: int | None) -> list[int]:
    """The times from creation to the end: the one that was given, the stop, or the last firing that `max_runs` let it make."""
    first = task.created_at // _SECOND + 1
    last = max((run.scheduled_for or 0 for run in firings), default=0) // _SECOND
    end = end_at or last
    if task.stopped_at is not None:
        # What was due within the last turns of the schedulers before the stop need not have been made.
        end = min(end_at or task.stopped_at // _SECOND, task.stopped_at // _SECOND)
    return [
        second * _SECOND
        for second in range(first, end + 1)
        if second % 60 in (item.seconds_of_minute if changed is None or second <= changed else item.later_seconds)
    ]


CHECKS = [schedules_fire_as_written]
