"""Which events of the audit log are asked for."""

from __future__ import annotations

from task_manager.v1 import admin_service_pb2
from task_server.api.validation.schedule import read_time
from task_server.api.validation.violations import Violations
from task_server.domain.audit import AuditFilter


def audit_filter(request: admin_service_pb2.ListAuditEventsRequest, violations: Violations) -> AuditFilter:
    """The filter in a request; a violation for a time that is out of range, or an end that is not after the start."""
    start = read_time("start_time", request.start_time, violations) if request.HasField("start_time") else None
    end = read_time("end_time", request.end_time, violations) if request.HasField("end_time") else None
    if start is not None and end is not None and end <= start:
        violations.add("end_time", "must be after start_time")
    return AuditFilter(actor_id=request.actor, method=request.method.removeprefix("/"), start=start, end=end)
