"""Attempts and leases: each run is held by one worker at a time, and how it was held accounts for how it ended."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.faults.facts import Facts
from tests.faults.finding import Finding

#: What the last attempt of an execution may have come to.
_LAST = {
    "SUCCESS": ("SUCCEEDED",),
    "FAILURE": ("FAILED", "LOST"),
    "REVOKED": ("STOPPED", "LOST", "RELEASED", "FAILED"),
}
#: How much the clocks of two statements of one transaction may differ, in microseconds.
_SLACK = 1000
#: What the error of an attempt says whose worker was not heard of, rather than told that its child was lost.
_VANISHED = "was not heard of any more"


def attempts_are_numbered(facts: Facts) -> Iterator[Finding]:
    """Attempts are 1 to n without a gap, n is the execution's, and each has ended."""
    for execution in facts.executions:
        attempts = facts.attempts_of[execution.id]
        if [attempt.number for attempt in attempts] != list(range(1, execution.attempt + 1)):
            numbers = [attempt.number for attempt in attempts]
            yield Finding(
                f"execution {execution.id} is at attempt {execution.attempt} and has {numbers}", execution.parent_task
            )
        for attempt in attempts:
            if attempt.outcome is None or attempt.finished_at is None:
                yield Finding(f"attempt {attempt.number} of {execution.id} has not ended", execution.parent_task)


def one_attempt_decides(facts: Facts) -> Iterator[Finding]:
    """Only the last attempt decides: it fits the end, and no earlier one succeeded or was stopped."""
    for execution in facts.executions:
        outcomes = [attempt.outcome for attempt in facts.attempts_of[execution.id]]
        if not outcomes:
            if execution.status in ("SUCCESS", "FAILURE") and execution.failure_reason != "DEADLINE_EXCEEDED":
                yield Finding(
                    f"execution {execution.id} is {execution.status} without any attempt", execution.parent_task
                )
            continue
        if outcomes[-1] not in _LAST.get(execution.status, (None,)) and not (
            outcomes[-1] == "RELEASED" and execution.failure_reason == "DEADLINE_EXCEEDED"
        ):
            yield Finding(f"execution {execution.id} is {execution.status} after {outcomes}", execution.parent_task)
        if {"SUCCEEDED", "STOPPED"} & set(outcomes[:-1]):
            yield Finding(f"execution {execution.id} went on after {outcomes}", execution.parent_task)


def only_lost_attempts_count_as_lost(facts: Facts) -> Iterator[Finding]:
    """What was given back at a drain counts as no failure, what lost its worker counts once."""
    for execution in facts.executions:
        attempts = facts.attempts_of[execution.id]
        lost = sum(attempt.outcome == "LOST" for attempt in attempts)
        if execution.lost_count != lost:
            yield Finding(
                f"execution {execution.id} counts {execution.lost_count} lost attempts and has {lost}",
                execution.parent_task,
            )
        released = [attempt.number for attempt in attempts if attempt.outcome == "RELEASED"]
        by_itself = execution.status == "FAILURE" and execution.failure_reason != "DEADLINE_EXCEEDED"
        if by_itself and released and released[-1] == execution.attempt:
            yield Finding(f"execution {execution.id} failed by being given back", execution.parent_task)


def attempts_do_not_overlap(facts: Facts) -> Iterator[Finding]:
    """An attempt begins after the one before it ended, and is taken from its worker no sooner than its lease is over."""
    lease = round(facts.evidence.options.lease_seconds * 1_000_000)
    for execution in facts.executions:
        attempts = facts.attempts_of[execution.id]
        for before, after in itertools.pairwise(attempts):
            if before.finished_at is None or after.started_at < before.finished_at - _SLACK:
                yield Finding(
                    f"attempt {after.number} of {execution.id} began at {after.started_at}, the one before ended at "
                    f"{before.finished_at}",
                    execution.parent_task,
                )
        for attempt in attempts:
            if (
                attempt.outcome == "LOST"
                and _VANISHED in attempt.error
                and (attempt.finished_at or 0) < attempt.started_at + lease
            ):
                yield Finding(
                    f"attempt {attempt.number} of {execution.id} was lost before its lease was over",
                    execution.parent_task,
                )


def retries_are_counted(facts: Facts) -> Iterator[Finding]:
    """What fails is tried again as often as its policy says, after the wait that the answer asked for, and else never."""
    for execution in facts.executions:
        item = facts.item.get(facts.task[execution.parent_task].name)
        attempts = facts.attempts_of[execution.id]
        failed = sum(attempt.outcome == "FAILED" for attempt in attempts)
        policy = item.fields.get("retry_policy", {}) if item is not None else {}
        most = policy.get("max_retries", 0) + 1
        # The last of them ends the run; while there are fewer, it is tried again, unless its deadline comes first.
        is_wrong = failed >= most if execution.status != "FAILURE" else failed != most
        if is_wrong and not (failed <= most and execution.status == "FAILURE" and execution.deadline_at is not None):
            yield Finding(
                f"execution {execution.id} is {execution.status} after {failed} of {most} failed attempts",
                execution.parent_task,
            )
        for before, after in itertools.pairwise(attempts):
            wait = after.started_at - (before.finished_at or 0)
            if item is not None and before.outcome == "FAILED" and wait < item.retry_after * 1_000_000:
                yield Finding(f"{item.key} was tried again after {wait} microseconds", execution.parent_task)


def nothing_begins_early(facts: Facts) -> Iterator[Finding]:
    """No attempt begins before its execution is due, by the database's clock."""
    for execution in facts.executions:
        attempts = facts.attempts_of[execution.id]
        # What ended between two tries says when the next one would have been due.
        if (
            attempts
            and execution.finished_at == attempts[-1].finished_at
            and attempts[-1].started_at < execution.due_at
        ):
            yield Finding(
                f"execution {execution.id} was due at {execution.due_at} and began at {attempts[-1].started_at}",
                execution.parent_task,
            )


def leases_are_of_the_running(facts: Facts) -> Iterator[Finding]:
    """Nothing that has ended or waits has a lease. That what ran had one was looked at meanwhile; see `Storm`."""
    for execution in facts.executions:
        if execution.lease_until is not None or execution.status == "STARTED":
            yield Finding(
                f"execution {execution.id} is {execution.status}, its lease ends at {execution.lease_until}",
                execution.parent_task,
            )


CHECKS = [
    attempts_are_numbered,
    one_attempt_decides,
    only_lost_attempts_count_as_lost,
    attempts_do_not_overlap,
    retries_are_counted,
    nothing_begins_early,
    leases_are_of_the_running,
]
