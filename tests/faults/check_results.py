"""What came of the runs: results, logs, side effects, and stops that told the truth."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from tests.faults.facts import FINAL, Facts
from tests.faults.finding import Finding
from tests.faults.process_faults import FreezeWorker

#: How long it may take until the kernel has ended the connections of a child that was killed, and the ledger has noticed; and
#: how long a worker that goes on needs to find out that its leases are gone.
_DYING_SECONDS, _THAW_SECONDS = 0.5, 3.0
#: What a stop said, and how the execution may then have ended.
_TRUE_AFTER = {
    "NEVER_STARTED": ("REVOKED",),
    "KILLED": ("REVOKED",),
    "ALREADY_DONE": ("SUCCESS", "FAILURE"),
    "UNREACHABLE": ("SUCCESS", "FAILURE", "REVOKED"),
}


def runs_end_as_they_must(facts: Facts) -> Iterator[Finding]:
    """Each run ends as its code or its call says, whatever was done to workers and broker meanwhile."""
    for execution in facts.executions:
        if execution.status not in FINAL:
            continue
        name = facts.task[execution.parent_task].name
        if name in facts.evidence.probes:
            if execution.status != "SUCCESS":
                yield Finding(f"{name} ended as {execution.status}: {execution.error}", execution.parent_task)
            continue
        item = facts.item[name]
        ended = (execution.status, execution.failure_reason or "")
        if ended == (item.ends, item.failure_reason):
            if item.result is not None and json.loads(execution.result or "null") != item.result:
                yield Finding(f"{name} gave {execution.result} instead of {item.result}", execution.parent_task)
        elif execution.failure_reason == "DEADLINE_EXCEEDED" and item.has_deadline:
            continue  # whether it was right is checked with the deadlines
        elif item.versions and execution.failure_reason == "EXCEPTION":
            continue  # as one version may; that it is of that one is checked with the updates
        elif execution.status != "REVOKED" or not (
            facts.was_stop_asked(facts.task[execution.parent_task]) or item.is_cut_short
        ):
            yield Finding(
                f"{name} ended as {ended} instead of {item.ends, item.failure_reason}: {execution.error}",
                execution.parent_task,
            )


def logs_are_whole(facts: Facts) -> Iterator[Finding]:
    """What a run printed is all there, in order, once for each attempt that got to the end; no more than was printed."""
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        text = facts.logs.get(execution.id, "")
        if len(text.encode()) != execution.log_bytes:
            yield Finding(f"execution {execution.id} counts {execution.log_bytes} bytes of log and has {len(text)}")
        if item is None or not item.prints or execution.status != "SUCCESS":
            continue
        if not text.endswith(item.prints) or len(text) > len(item.prints) * execution.attempt:
            yield Finding(f"the log of {item.key} is not what it printed: {text!r}", execution.parent_task)


def side_effects_happen(facts: Facts) -> Iterator[Finding]:
    """A successful API run has called. Where no attempt was lost, stopped or given back, each has called exactly once."""
    for task in facts.tasks:
        item = facts.item.get(task.name)
        if item is None or "api_url" not in item.fields:
            continue
        executions = facts.executions_of[task.task_id]
        attempts = [attempt for execution in executions for attempt in facts.attempts_of[execution.id]]
        calls = len(facts.calls_of[task.name])
        least = sum(execution.status == item.ends for execution in executions)
        if calls < least:
            yield Finding(f"{task.name} was called {calls} times for {least} runs", task.task_id)
        sure = all(execution.status == item.ends for execution in executions) and all(
            attempt.outcome == "SUCCEEDED" or (attempt.outcome == "FAILED" and "503" in attempt.error)
            for attempt in attempts
        )
        if sure and calls != len(attempts):
            yield Finding(f"{task.name} was called {calls} times in {len(attempts)} undisturbed attempts", task.task_id)
        if not attempts and calls:
            yield Finding(f"{task.name} never began and was called {calls} times", task.task_id)


def nothing_runs_twice_at_once(facts: Facts) -> Iterator[Finding]:
    """Of one execution no two calls are under way together, but where a worker stood still that was to end the first."""
    frozen = [fault for fault in facts.evidence.injections if fault.fault == FreezeWorker.name]
    for task in facts.tasks:
        if len(facts.executions_of[task.task_id]) != 1:
            continue
        for before, after in itertools.pairwise(facts.calls_of[task.name]):
            overlap = before.over - after.at
            if any(fault.began <= after.at <= fault.ended + _THAW_SECONDS for fault in frozen):
                continue
            if overlap > _DYING_SECONDS:
                yield Finding(f"{task.name} was called while a call of it went on for {overlap:.2f} s", task.task_id)


def stops_tell_the_truth(facts: Facts) -> Iterator[Finding]:
    """What StopTask answered is how it ended; what it said had not begun has done nothing."""
    status = {execution.id: execution for execution in facts.executions}
    for made in facts.made.values():
        for execution_id, outcome in made.stopped.items():
            execution = status[execution_id]
            if execution.status not in _TRUE_AFTER[outcome]:
                yield Finding(f"the stop of {made.key} said {outcome}, and it is {execution.status}", made.task_id)
            decided = [attempt.outcome for attempt in facts.attempts_of[execution_id]][-1:]
            if outcome == "NEVER_STARTED" and decided in (["STOPPED"], ["SUCCEEDED"]):
                yield Finding(f"the stop of {made.key} said {outcome}, and it began", made.task_id)
    for task in facts.tasks:
        if task.stopped_at is not None and not facts.was_stop_asked(task):
            yield Finding(f"{task.name} was stopped, and nobody asked for it", task.task_id)
        yield from _begun_after_its_stop(facts, task.task_id)


def _begun_after_its_stop(facts: Facts, task_id: str) -> Iterator[Finding]:
    # By the order of the changes: times are taken before a transaction waits for others.
    stopped = False
    attempts: dict[str, int] = {}
    for event in facts.events_of_task[task_id]:
        if stopped and event.attempt > attempts.get(event.execution_id, 0):
            yield Finding(f"attempt {event.attempt} of {event.execution_id} began after the stop was stored", task_id)
        attempts[event.execution_id] = event.attempt
        stopped = stopped or event.is_stopped


CHECKS = [
    runs_end_as_they_must,
    logs_are_whole,
    side_effects_happen,
    nothing_runs_twice_at_once,
    stops_tell_the_truth,
]
