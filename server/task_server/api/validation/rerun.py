"""Which executions a RerunExecutions request means."""

from __future__ import annotations

from task_manager.v1 import execution_service_pb2
from task_server.api.validation.filter import UTC, check_filter
from task_server.api.validation.violations import Violations
from task_server.domain.filters.fields import EXECUTION_FIELDS
from task_server.domain.listing import MAX_RERUNS, ExecutionFilter
from task_server.domain.owner import Caller
from task_server.usecases.visibility import owner_scope


def rerun_wish(
    request: execution_service_pb2.RerunExecutionsRequest, caller: Caller, violations: Violations
) -> list[str] | ExecutionFilter:
    """The ids that it names, or its filter. Raises PermissionMissing, which comes before anything else that is wrong."""
    my_tasks = request.my_tasks if request.HasField("my_tasks") else None
    owner_id = owner_scope(caller, request.created_by, my_tasks)
    if not request.ids:
        if not request.filter.strip():
            violations.add("ids", f"give 1 to {MAX_RERUNS:,} ids, or a filter")
        condition = check_filter(request.filter, EXECUTION_FIELDS, UTC, violations)
        violations.raise_any()
        return ExecutionFilter(owner_id=owner_id, condition=condition)
    _check_ids(list(request.ids), violations)
    given = {"filter": request.filter, "created_by": request.created_by, "my_tasks": my_tasks is not None}
    for field in (name for name, is_given in given.items() if is_given):
        violations.add(field, "does not go with ids; leave out one of the two")
    violations.raise_any()
    return list(request.ids)


def _check_ids(ids: list[str], violations: Violations) -> None:
    if len(ids) > MAX_RERUNS:
        violations.add("ids", f"must have at most {MAX_RERUNS:,} ids, not {len(ids):,}")
        return
    seen: set[str] = set()
    for index, execution_id in enumerate(ids):
        if not execution_id:
            violations.add(f"ids[{index}]", "must not be empty")
        elif execution_id in seen:
            violations.add(f"ids[{index}]", "is there a second time; give each id once")
        seen.add(execution_id)
