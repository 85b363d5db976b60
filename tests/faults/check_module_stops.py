"""Stops of modules: all that was there is stopped, nothing else is, and the counts say how many."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.facts import Facts, TaskRow
from tests.faults.finding import Finding

_SECOND = 1_000_000


def module_stops_are_whole(facts: Facts) -> Iterator[Finding]:
    """What was known to be there when the stop was asked for had ended or was stopped by the time of the answer, and is counted."""
    for stop in facts.evidence.module_stops:
        tasks = [task for task in facts.tasks if task.module == stop.module]
        stopped = [task for task in tasks if task.stopped_at is not None]
        if not stop.ended:
            continue
        for task in tasks:
            if task.name in stop.known_to_stop and task.stopped_at is None and not _over(facts, task, stop.ended):
                yield Finding(f"the stop of {stop.module} left {task.name} out", task.task_id)
        if stop.stopped > len(stopped) or (stop.stopped < len(stopped) and not stop.unknown):
            yield Finding(f"the stop of {stop.module} counted {stop.stopped}, and {len(stopped)} were stopped")
        for task in stopped:
            if task.created_at > stop.ended * _SECOND and not stop.unknown:
                yield Finding(f"{task.name} was stopped, and made after the stop of {stop.module}", task.task_id)


def counting_stops_nothing(facts: Facts) -> Iterator[Finding]:
    """With `validate_only` all that was there and had not ended is counted, and nothing is stopped."""
    for stop in facts.evidence.module_stops:
        if not stop.counted_at:
            continue
        tasks = [task for task in facts.tasks if task.module == stop.module]
        least = sum(task.name in stop.known_to_count and not _over(facts, task, stop.counted_at) for task in tasks)
        most = sum(task.created_at <= stop.counted_at * _SECOND for task in tasks)
        if not least <= stop.count <= most:
            yield Finding(f"{stop.count} tasks of {stop.module} were counted instead of {least} to {most}")
        for task in tasks:
            if task.stopped_at is not None and task.stopped_at < stop.began * _SECOND:
                yield Finding(f"{task.name} was stopped before the stop of {stop.module} was asked for", task.task_id)


def _over(facts: Facts, task: TaskRow, when: float) -> bool:
    """Whether it may have had nothing to do any more."""
    item, ended = facts.item[task.name], when * _SECOND
    is_over = all((run.finished_at or ended) < ended for run in facts.executions_of[task.task_id])
    # The last firing of a schedule may come a second before it is over.
    return is_over and (not item.seconds_of_minute or facts.made[task.name].end_at - 1 <= when)


CHECKS = [module_stops_are_whole, counting_stops_nothing]
