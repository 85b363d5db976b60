"""A task: what to run and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from task_server.domain.actions import Action
from task_server.domain.clock import Micros, seconds
from task_server.domain.owner import Owner
from task_server.domain.places import StartRate
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import Schedule, TaskType
from task_server.domain.status import TaskStatus

DEFAULT_QUEUE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """What a caller says of a task, checked."""

    name: str
    action: Action
    schedule: Schedule = field(default_factory=Schedule)
    #: Seconds that one attempt may take.
    timeout: float
    #: None: a failed attempt is not repeated.
    retry_policy: RetryPolicy | None = None
    #: Seconds from its due time within which an execution must have ended, 0 for no deadline.
    deadline_seconds: float = 0.0
    queue: str = DEFAULT_QUEUE
    module: str = ""
    #: Executions with the same key of the same owner share their places. Empty means none.
    concurrency_key: str = ""
    #: How many of them may run at once; 0 where there is no key.
    max_concurrent: int = 0
    #: How often they may start; None for any.
    start_rate: StartRate | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def task_type(self) -> TaskType:
        """Immediate, delayed or scheduled."""
        return self.schedule.task_type

    def emptied(self) -> TaskDefinition:
        """This without what takes much room or is nobody's business once the task is deleted."""
        return replace(self, action=self.action.emptied(), metadata={})

    def deadline_at(self, due_at: Micros) -> Micros | None:
        """When an execution that is due then must have ended; None for never."""
        return due_at + seconds(self.deadline_seconds) if self.deadline_seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it is stored."""

    task_id: str
    owner: Owner
    definition: TaskDefinition
    status: TaskStatus
    #: The next time it will fire; None when there is none.
    next_run_at: Micros | None
    #: Executions made so far, extra ones included.
    run_count: int
    #: Firings made so far by its cron schedule.
    fire_count: int
    #: Firings that were noticed too late and left out.
    missed_count: int = 0
    #: Firings that were left out because an earlier execution had not ended.
    skipped_count: int = 0
    last_execution_id: str | None
    created_at: Micros
    updated_at: Micros
    #: Grows by one with every change.
    revision: int
    #: When it was stopped for good; None while it is alive.
    stopped_at: Micros | None = None
    #: Since when it is held; None while it is not.
    paused_at: Micros | None = None
    deleted_at: Micros | None = None

    def changed(self, now: Micros, **changes: Any) -> Task:
        """This task with `changes`, one revision on."""
        return replace(self, updated_at=now, revision=self.revision + 1, **changes)
