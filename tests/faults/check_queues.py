"""Queues: each run is in the queue that it was given, and none but its workers have it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.facts import Facts
from tests.faults.finding import Finding
from tests.faults.item import DEFAULT_QUEUE


def runs_stay_in_their_queues(facts: Facts) -> Iterator[Finding]:
    """Every attempt is of a worker that serves the execution's queue; of one that was moved, of a worker of either."""
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        given = {str(version.get("queue", DEFAULT_QUEUE)) for version in item.versions} if item is not None else set()
        if item is not None:
            given.add(str(item.fields.get("queue", DEFAULT_QUEUE)))
        else:
            given.add(facts.task[execution.parent_task].name.split("-")[1])  # a probe's name has it
        if execution.queue not in given:
            yield Finding(f"execution {execution.id} is in the queue {execution.queue}", execution.parent_task)
        for attempt in facts.attempts_of[execution.id]:
            serves = facts.evidence.queues.get(attempt.worker.rpartition(":")[2], [])
            if given.isdisjoint(serves):
                yield Finding(
                    f"attempt {attempt.number} of {execution.id} was of {attempt.worker}, which serves {serves}",
                    execution.parent_task,
                )


CHECKS = [runs_stay_in_their_queues]
