"""Every task and every execution: stored once, ended once, moved only as the table of moves allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.facts import FINAL, Facts
from tests.faults.finding import Finding

#: Where an execution may go from each state; from the empty one it is made. A copy of the documented table, on purpose: the
#: service's own would allow what a defect in it allows. A stop that was asked for is told in the state that it finds.
_MOVES = {
    "": ("PENDING",),
    "PENDING": ("PENDING", "STARTED", "REVOKED", "FAILURE"),
    "RETRY": ("RETRY", "STARTED", "REVOKED", "FAILURE"),
    "STARTED": ("STARTED", "PENDING", "RETRY", "SUCCESS", "FAILURE", "REVOKED"),
    "SUCCESS": (),
    "FAILURE": (),
    "REVOKED": (),
}


def what_was_answered_is_stored(facts: Facts) -> Iterator[Finding]:
    """A create that was answered left one task, a repeated create none besides."""
    ids = {task.task_id for task in facts.tasks}
    for name, task_id in [*((made.key, made.task_id) for made in facts.made.values()), *facts.evidence.probes.items()]:
        if task_id and task_id not in ids:
            yield Finding(f"the create of {name} was answered with {task_id}, which is not stored", task_id)
    for name, count in Counter(task.name for task in facts.tasks).items():
        if count > 1:
            yield Finding(f"{count} tasks came of the one create of {name}")
    for made in facts.made.values():
        for task_id in made.repeats:
            if task_id != made.task_id:
                yield Finding(f"a repeated create of {made.key} gave {task_id} instead of {made.task_id}", made.task_id)


def runs_were_made_as_asked(facts: Facts) -> Iterator[Finding]:
    """A task without a schedule has its one execution, and one for each RunTask."""
    for task in facts.tasks:
        item, made = facts.item.get(task.name), facts.made.get(task.name)
        if item is not None and item.seconds_of_minute:
            continue
        least = 1 + (made.runs if made else 0)
        most = least + (made.unknown_runs if made else 0)
        count = len(facts.executions_of[task.task_id])
        if not least <= count <= most or task.run_count != count:
            yield Finding(
                f"{task.name} has {count} executions and counts {task.run_count}, instead of {least} to {most}",
                task.task_id,
            )


def everything_ended(facts: Facts) -> Iterator[Finding]:
    """No task and no execution is left over, and a task says how its latest execution ended."""
    status = {execution.id: execution.status for execution in facts.executions}
    for execution in facts.executions:
        if execution.status not in FINAL:
            yield Finding(f"execution {execution.id} is still {execution.status}", execution.parent_task)
    for task in facts.tasks:
        if task.status not in FINAL or task.next_run_at is not None:
            yield Finding(f"task {task.name} is {task.status}, its next run at {task.next_run_at}", task.task_id)
        item = facts.item.get(task.name)
        stopped_schedule = item is not None and item.seconds_of_minute and task.stopped_at is not None
        expected = "REVOKED" if stopped_schedule else status.get(task.last_execution_id or "", task.status)
        if task.status in FINAL and task.status != expected:
            yield Finding(f"task {task.name} is {task.status}, its latest execution {expected}", task.task_id)


def nothing_ended_twice(facts: Facts) -> Iterator[Finding]:
    """Each execution has one event of its end, and none after it; of a task that was deleted first, there may be none."""
    for execution in facts.executions:
        events = facts.events_of[execution.id]
        ends = [event for event in events if event.status in FINAL]
        deleted = facts.task[execution.parent_task].deleted_at is not None
        if execution.status in FINAL and not (len(ends) == 1 or (deleted and not ends)):
            yield Finding(f"execution {execution.id} has {len(ends)} events of its end", execution.parent_task)
        if ends and (events[-1] is not ends[0] or ends[0].status != execution.status):
            told = " ".join(event.status for event in events)
            yield Finding(
                f"execution {execution.id} is {execution.status} and was told as {told}", execution.parent_task
            )


def moves_are_legal(facts: Facts) -> Iterator[Finding]:
    """By its events each execution moved as the table says, and neither revision nor attempt went back."""
    for execution in facts.executions:
        status, revision, attempt = "", 0, 0
        for event in facts.events_of[execution.id]:
            if event.status not in _MOVES[status]:
                yield Finding(
                    f"execution {execution.id} went from {status or 'nothing'} to {event.status}", event.task_id
                )
            # The scheduler tells of a run whose time came without changing it.
            if event.execution_revision < revision or event.attempt < attempt:
                yield Finding(
                    f"execution {execution.id} went back from revision {revision}, attempt {attempt} to "
                    f"{event.execution_revision}, {event.attempt}",
                    event.task_id,
                )
            status, revision, attempt = event.status, event.execution_revision, event.attempt


CHECKS = [
    what_was_answered_is_stored,
    runs_were_made_as_asked,
    everything_ended,
    nothing_ended_twice,
    moves_are_legal,
]
