"""The processes: none ends by itself, none is left behind, none tells of a defect, and all works again after each fault."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.facts import Facts
from tests.faults.finding import Finding

#: Within this a task that is created after a fault has succeeded, whatever has piled up meanwhile.
_SOON_SECONDS = 30.0


def processes_behave(facts: Facts) -> Iterator[Finding]:
    """No process ended by itself, none outlived its parent, a drained one ended with status 0 in time."""
    for mishap in facts.evidence.mishaps:
        yield Finding(f"{mishap.process}: {mishap.what}")


def logs_tell_of_no_defect(facts: Facts) -> Iterator[Finding]:
    """No line of a log tells of an error but those that `log_lines` accounts for."""
    for line in facts.evidence.log_lines:
        yield Finding(line)


def nothing_odd_was_answered(facts: Facts) -> Iterator[Finding]:
    """Servers refused no planned call and admitted no defect; what ran had its lease whenever it was looked at."""
    for defect in facts.evidence.defects:
        yield Finding(defect)
    for made in facts.made.values():
        for defect in made.defects:
            yield Finding(f"{made.key}: {defect}", made.task_id)


def all_recovered(facts: Facts) -> Iterator[Finding]:
    """After each fault a new task succeeded, and soon."""
    for injection in facts.evidence.injections:
        seconds = injection.recovery_seconds
        if seconds is None or seconds > _SOON_SECONDS:
            after = "none" if seconds is None else f"after {seconds:.1f} s"
            yield Finding(f"{injection.fault} of {injection.subject} was over, and a new task succeeded: {after}")


CHECKS = [processes_behave, logs_tell_of_no_defect, nothing_odd_was_answered, all_recovered]
