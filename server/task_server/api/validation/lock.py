"""What the requests of LockService have in common."""

from __future__ import annotations

from task_server.api.validation.violations import Violations
from task_server.domain.clock import Micros, seconds
from task_server.domain.lock import LONGEST_SECONDS

_MAX_NAME = 200


def check_name(field: str, value: str, violations: Violations) -> None:
    """Note a name, of a lock or of its holder, that is none."""
    if not value.strip():
        violations.add(field, "is required")
    violations.check_length(field, value, _MAX_NAME)


def check_number(fencing_number: int, violations: Violations) -> None:
    """Note a number that no acquisition has."""
    if fencing_number < 1:
        violations.add("fencing_number", "is required: the one that AcquireLock answered with")


def check_lease(lease_seconds: float, violations: Violations) -> Micros:
    """The lease. Notes one that ends at once, is too long, or no number."""
    lease = seconds(lease_seconds) if 0 < lease_seconds <= LONGEST_SECONDS else 0
    if not lease:
        violations.add(
            "lease_seconds", f"must be more than 0 and at most {LONGEST_SECONDS:,}, not {lease_seconds:,.15g}"
        )
    return lease
