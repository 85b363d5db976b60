"""What a task says of the places that its executions need: key, number and rate."""

from __future__ import annotations

from task_manager.v1 import task_pb2
from task_server.api.validation.violations import Violations
from task_server.domain.places import Places, StartRate

#: What belongs to a concurrency key, and goes with it.
KEY_FIELDS = ("max_concurrent", "start_rate")
_MAX_KEY = 200
_MOST = 1_000_000
_MAX_SECONDS = 86_400.0
_NEEDS_KEY = "needs concurrency_key: what the executions have in common"


def validate_places(task: task_pb2.Task, path: str, violations: Violations) -> Places:
    """The places of the task's concurrency key; none where it has no key."""
    violations.check_length(f"{path}.concurrency_key", task.concurrency_key, _MAX_KEY)
    violations.check_number(f"{path}.max_concurrent", task.max_concurrent, 0, _MOST)
    if not task.concurrency_key:
        if task.max_concurrent:
            violations.add(f"{path}.max_concurrent", _NEEDS_KEY)
        if task.HasField("start_rate"):
            violations.add(f"{path}.start_rate", _NEEDS_KEY)
        return Places()
    return Places(task.max_concurrent or 1, _start_rate(task, f"{path}.start_rate", violations))


def _start_rate(task: task_pb2.Task, path: str, violations: Violations) -> StartRate | None:
    if not task.HasField("start_rate"):
        return None
    rate = task.start_rate
    violations.check_number(f"{path}.count", rate.count, 1, _MOST)
    if violations.check_number(f"{path}.seconds", rate.seconds, 0, _MAX_SECONDS) and not rate.seconds:
        violations.add(f"{path}.seconds", "must be more than 0")
    return StartRate(rate.count, rate.seconds)
