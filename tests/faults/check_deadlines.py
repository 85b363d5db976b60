"""Deadlines: each is where it belongs, ends its run when it has come and not before, and lets nothing begin after it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.facts import ExecutionRow, Facts
from tests.faults.finding import Finding
from tests.faults.item import Item
from tests.faults.options import Options

_SECOND = 1_000_000
_EXCEEDED = "DEADLINE_EXCEEDED"
_BEHIND_SECONDS = 30.0


def deadlines_are_as_asked(facts: Facts) -> Iterator[Finding]:
    """Each execution must have ended `deadline_seconds` after it was due first; what has no deadline has none."""
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        seconds = item.fields.get("deadline_seconds") if item is not None else None
        expected = None if item is None or seconds is None else _first_due(item, execution) + round(seconds * _SECOND)
        if execution.deadline_at != expected:
            yield Finding(
                f"execution {execution.id} has its deadline at {execution.deadline_at} instead of {expected}",
                execution.parent_task,
            )


def deadlines_end_what_is_late(facts: Facts) -> Iterator[Finding]:
    """Nothing begins after its deadline, nothing ends by it that had time left, and what failed after it says so."""
    for execution in facts.executions:
        deadline, ended = execution.deadline_at, execution.finished_at or 0
        if deadline is None:
            if execution.failure_reason == _EXCEEDED:
                yield Finding(
                    f"execution {execution.id} has no deadline and ended at one: {execution.error}",
                    execution.parent_task,
                )
            continue
        for attempt in facts.attempts_of[execution.id]:
            if attempt.started_at >= deadline:
                late = attempt.started_at - deadline
                yield Finding(
                    f"attempt {attempt.number} of {execution.id} began {late} microseconds late", execution.parent_task
                )
        if execution.failure_reason == _EXCEEDED:
            # The clock of the worker that ends a run may be a moment ahead of the database's.
            least = deadline - (_SECOND if execution.attempt else 0)
            if ended < least:
                yield Finding(
                    f"execution {execution.id} ended {deadline - ended} microseconds before its deadline",
                    execution.parent_task,
                )
            if ended > deadline + _longest(facts.evidence.options) * _SECOND:
                yield Finding(
                    f"execution {execution.id} ended {ended - deadline} microseconds after its deadline",
                    execution.parent_task,
                )
        elif execution.status == "FAILURE" and ended >= deadline:
            yield Finding(
                f"execution {execution.id} failed after its deadline and says {execution.failure_reason}",
                execution.parent_task,
            )


def deadlines_cut_retries_that_come_late(facts: Facts) -> Iterator[Finding]:
    """A run that failed with retries left was not tried again because the next try would have begun after the deadline."""
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        if item is None or execution.deadline_at is None or "retry_policy" not in item.fields:
            continue
        attempts = facts.attempts_of[execution.id]
        failed = sum(attempt.outcome == "FAILED" for attempt in attempts)
        policy = item.fields["retry_policy"]
        if execution.status != "FAILURE" or execution.failure_reason == _EXCEEDED or failed > policy["max_retries"]:
            continue
        longest = min(policy["initial_backoff"] * policy["backoff_multiplier"] ** (failed - 1), policy["max_backoff"])
        if (execution.finished_at or 0) + longest * _SECOND < execution.deadline_at:
            yield Finding(
                f"{item.key} gave up after {failed} failed attempts, with time for another one", execution.parent_task
            )


def _longest(options: Options) -> float:
    """How long it may take to end what is late, in seconds: its worker or the database is away, and then all is behind."""
    return options.lease_seconds + options.longest_outage + _BEHIND_SECONDS


def _first_due(item: Item, execution: ExecutionRow) -> int:
    if execution.scheduled_for is not None:
        return execution.scheduled_for
    return execution.created_at + round(item.fields.get("delay_seconds", 0.0) * _SECOND)


CHECKS = [deadlines_are_as_asked, deadlines_end_what_is_late, deadlines_cut_retries_that_come_late]
