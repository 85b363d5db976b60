"""A run of another Celery app, as a caller registers it: recorded here, and run there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.ids import new_id
from task_server.domain.owner import Owner
from task_server.domain.status import ExecutionStatus

#: How much metadata a run keeps, as JSON text.
MAX_METADATA_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a caller says of the run."""

    #: Celery's id of it.
    task_id: str
    task_name: str
    module: str
    owner: Owner
    status: ExecutionStatus = ExecutionStatus.PENDING
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    #: The Celery app that runs it, as the operator calls it; empty for the one that the module belongs to.
    app: str = ""

    def execution(self, now: Micros, named_by: str | None = None, *, is_registered: bool = True) -> Execution:
        """The run as it is recorded, with those fields of `Execution`. Of its times only this one is known."""
        return Execution(
            id=new_id(),
            task_id=self.task_id,
            parent_task="",
            task_name=self.task_name,
            module=self.module,
            owner=self.owner,
            status=self.status,
            queue="",
            due_at=now,
            created_at=now,
            started_at=now if self.status is ExecutionStatus.STARTED else None,
            finished_at=now if self.status.is_terminal else None,
            metadata=self.metadata,
            source="PUBLISH",
            observed_at=now,
            app=self.app,
            named_by=named_by,
            is_registered=is_registered,
        )
