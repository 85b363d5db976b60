"""The filter fields that lists, counts, watches and stops of tasks share."""

from __future__ import annotations

from typing import Any

from task_server.api.validation import listing
from task_server.api.validation.filter import UTC, check_filter
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import TASK_FIELDS
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.schedule import TaskType
from task_server.usecases.visibility import owner_scope


def task_filter(
    request: Any, caller: Caller, task_type: TaskType | None, violations: Violations, expression: str = ""
) -> TaskFilter:
    """The filter of a request. Dates in its expression, if it has one, are days in UTC.

    Raises PermissionMissing, which comes before anything else that is wrong.
    """
    return TaskFilter(
        owner_id=owner_scope(caller, request.created_by, given_my_tasks(request)),
        status=listing.check_task_status(request.status, violations),
        task_type=task_type,
        module=request.module,
        name=request.name,
        condition=check_filter(expression, TASK_FIELDS, UTC, violations),
    )


def stop_filter(request: Any, caller: Caller, violations: Violations) -> TaskFilter:
    """The filter of a StopTasks request, which has to say something. Raises PermissionMissing."""
    task_type = listing.check_task_type(request.task_type, violations)
    wanted = task_filter(request, caller, task_type, violations, request.filter)
    # A filter of blanks says nothing, and must not stop everything.
    unsaid = {"validate_only"} if request.filter.strip() else {"validate_only", "filter"}
    if {field.name for field, _ in request.ListFields()} <= unsaid:
        violations.add(
            "my_tasks",
            "give at least one of status, task_type, module, name, created_by, filter and my_tasks; "
            "my_tasks=true means all of yours",
        )
    return wanted


def given_my_tasks(request: Any) -> bool | None:
    """What a request says in `my_tasks`, None for nothing."""
    return request.my_tasks if request.HasField("my_tasks") else None
