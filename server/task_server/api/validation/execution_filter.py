"""The filter fields that lists and statistics of executions share."""

from __future__ import annotations

from typing import Any

from task_server.api.validation import listing
from task_server.api.validation.filter import check_filter, check_zone
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.filters.narrowing import narrowed
from task_server.domain.listing import ExecutionFilter


def execution_filter(request: Any, owner_id: str | None, violations: Violations) -> ExecutionFilter:
    """The filter of a request, of the executions of one owner (None: of all)."""
    zone = check_zone(request.time_zone, violations)
    wanted = ExecutionFilter(
        owner_id=owner_id,
        status=listing.check_execution_status(request.status, violations),
        module=request.module,
        task_name=request.task_name,
        parent_task=request.parent_task,
        created_from=listing.check_date("start_date", request.start_date, zone, violations, is_end=False),
        created_before=listing.check_date("end_date", request.end_date, zone, violations, is_end=True),
        condition=check_filter(request.filter, EXECUTION_FIELDS, zone, violations),
    )
    return narrowed(wanted)
