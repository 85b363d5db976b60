"""Places: of one concurrency key never more run at once than it allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.facts import Facts
from tests.faults.finding import Finding
from tests.faults.plan_keys import PLACES


def keys_have_no_more_than_their_places(facts: Facts) -> Iterator[Finding]:
    """By the intervals of their attempts, no more of a key's tasks run at once than it has places. That each of them gets one is
    for `everything ended` to say."""
    steps: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        key = item.fields.get("concurrency_key", "") if item is not None else ""
        for attempt in facts.attempts_of[execution.id] if key else ():
            # What ends at the time at which another begins made room for it.
            steps[key].append((attempt.started_at, 1, execution.parent_task))
            if attempt.finished_at is not None:
                steps[key].append((attempt.finished_at, -1, execution.parent_task))
    for key, moves in steps.items():
        running = 0
        for time, step, task_id in sorted(moves):
            running += step
            if running > PLACES[key]:
                yield Finding(f"{running} of the key {key} ran at {time}, which has {PLACES[key]} places", task_id)


CHECKS = [keys_have_no_more_than_their_places]
