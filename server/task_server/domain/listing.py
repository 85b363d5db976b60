"""What a list is asked for: filters and pages."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.filters.checking import Condition
from task_server.domain.schedule import TaskType
from task_server.domain.status import ExecutionStatus, TaskStatus

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
MAX_FULL_PAGE_SIZE = 20
#: How many executions may be run again at once.
MAX_RERUNS = 1000


def page_size(requested: int, *, full: bool = False) -> int:
    """How many rows a page holds at most: 0 means 50, more than 1,000 means 1,000 (AIP-158).

    Rows with all their parts can have more than a megabyte each: of those a page holds at most 20.
    """
    return min(requested or DEFAULT_PAGE_SIZE, MAX_FULL_PAGE_SIZE if full else MAX_PAGE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks; None and empty mean any."""

    owner_id: str | None = None
    status: TaskStatus | None = None
    task_type: TaskType | None = None
    module: str = ""
    name: str = ""
    #: What the filter expression asks for besides.
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions; None and empty mean any."""

    owner_id: str | None = None
    status: ExecutionStatus | None = None
    module: str = ""
    task_name: str = ""
    parent_task: str = ""
    created_from: Micros | None = None
    created_before: Micros | None = None
    #: What the filter expression asks for besides.
    condition: Condition | None = None
