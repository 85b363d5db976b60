"""What PreviewSchedule is asked."""

from __future__ import annotations

from task_manager.v1 import task_service_pb2
from task_server.api.validation.schedule import check_cron, read_time
from task_server.api.validation.violations import Violations
from task_server.domain.clock import Micros
from task_server.domain.schedule import Schedule

_DEFAULT_COUNT, _MOST = 10, 100


def validate_preview(request: task_service_pb2.PreviewScheduleRequest, now: Micros) -> tuple[Schedule, Micros, int]:
    """The schedule, the time after which its firings are asked for, and how many. Raises InvalidFields with all that is wrong."""
    violations = Violations()
    check_cron(request.cron_expression, request.time_zone, "", violations)
    if not 0 <= request.count <= _MOST:
        violations.add("count", f"must be from 1 to {_MOST}, or 0 for {_DEFAULT_COUNT}; not {request.count}")
    after: Micros | None = now
    if request.HasField("after"):
        after = read_time("after", request.after, violations)
        if after is not None and after < 0:
            violations.add("after", "must not be before 1970")
    violations.raise_any()
    assert after is not None  # noqa: S101 - or there is a violation
    schedule = Schedule(cron_expression=request.cron_expression, time_zone=request.time_zone)
    return schedule, after, request.count or _DEFAULT_COUNT
