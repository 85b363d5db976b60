"""What a watcher saw is what happened: every change once, none that was not, each task's in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.facts import FINAL, Facts
from tests.faults.finding import Finding
from tests.faults.watcher import Seen


def the_watcher_saw_every_change_once(facts: Facts) -> Iterator[Finding]:
    """The stream and the table of events hold the same changes."""
    stored = Counter(
        Seen(event.task_id, event.revision, event.type, event.execution_id, event.status) for event in facts.events
    )
    seen = Counter(facts.evidence.seen)
    for change, count in (stored - seen).items():
        yield Finding(f"the watcher missed {change} ({count})", change.task_id)
    for change, count in (seen - stored).items():
        yield Finding(f"the watcher saw {change} {count} times too often", change.task_id)


def the_watcher_saw_no_step_back(facts: Facts) -> Iterator[Finding]:
    """Each task's revisions grow in the stream, and nothing is told of an execution after its end."""
    revisions: dict[str, int] = defaultdict(int)
    ended: dict[str, str] = {}
    for seen in facts.evidence.seen:
        if seen.revision <= revisions[seen.task_id]:
            yield Finding(f"revision {seen.revision} came after {revisions[seen.task_id]}", seen.task_id)
        revisions[seen.task_id] = seen.revision
        if seen.execution_id in ended:
            yield Finding(
                f"execution {seen.execution_id} was seen as {seen.status} after {ended[seen.execution_id]}",
                seen.task_id,
            )
        if seen.status in FINAL:
            ended[seen.execution_id] = seen.status
    for execution in facts.executions:
        deleted = facts.task[execution.parent_task].deleted_at is not None
        if (
            execution.status in FINAL
            and ended.get(execution.id, execution.status if deleted else "") != execution.status
        ):
            yield Finding(
                f"execution {execution.id} is {execution.status} and was seen to end as {ended.get(execution.id)}",
                execution.parent_task,
            )


CHECKS = [the_watcher_saw_every_change_once, the_watcher_saw_no_step_back]
