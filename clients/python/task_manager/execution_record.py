"""What is known of one run, as plain Python: the fields that the Django model of task tracking had, under their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from task_manager import django_project
from task_manager.reports import RegisterFields
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.values import to_python


@dataclass(frozen=True)
class Creator:
    """Whom a run belongs to, where no user of a Django project is meant."""

    id: str
    username: str

    def __str__(self) -> str:
        return self.username


@dataclass(frozen=True, kw_only=True)
class ExecutionRecord:
    """One run. It is a copy: it does not change when the run does."""

    id: str = ""
    """The service's own id. Empty where the service did not answer: then the rest is what the caller said, and no more."""
    task_id: str
    task_name: str = ""
    module: str = ""
    status: str = "PENDING"
    """PENDING, STARTED, SUCCESS, FAILURE, RETRY or REVOKED."""
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    task_args: list[Any] = field(default_factory=list)
    task_kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str = ""
    traceback: str = ""
    created_by_id: Any = ""
    """As the Django project's user model has its keys, mostly an int; text where that is no key of it, and without Django."""
    created_by_username: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    """How the status is known, as RESULT_BACKEND; see `TaskExecution.Source`. Empty where the service did not answer."""
    observed_at: datetime | None = None
    """When it was last seen from there."""

    @classmethod
    def of(cls, execution: TaskExecution) -> ExecutionRecord:
        """What the service says of a run."""
        return cls(
            id=execution.id,
            task_id=execution.task_id,
            task_name=execution.task_name,
            module=execution.module,
            status=TaskExecution.Status.Name(execution.status),
            created_at=_time(execution, "created_at"),
            started_at=_time(execution, "started_at"),
            finished_at=_time(execution, "finished_at"),
            task_args=to_python(execution.task_args),
            task_kwargs=to_python(execution.task_kwargs),
            result=to_python(execution.result),
            error=execution.error,
            traceback=execution.traceback,
            created_by_id=django_project.user_id(execution.created_by_id),
            created_by_username=execution.created_by_username,
            metadata=to_python(execution.metadata),
            source=TaskExecution.Source.Name(execution.source),
            observed_at=_time(execution, "observed_at"),
        )

    @classmethod
    def said(cls, fields: RegisterFields) -> ExecutionRecord:
        """What a caller says of a run that is not recorded yet; made now, as far as anybody knows."""
        owner_id = fields["created_by"]
        return cls(
            task_id=fields["task_id"],
            task_name=fields["task_name"],
            module=fields["module"],
            status=str(fields["initial_status"]),
            created_at=datetime.now(UTC),
            task_args=list(fields["task_args"]),
            task_kwargs=dict(fields["task_kwargs"]),
            created_by_id=django_project.user_id(owner_id) if owner_id else "",
            created_by_username=fields["created_by_username"],
            metadata=dict(fields["metadata"]),
        )

    @property
    def is_recorded(self) -> bool:
        """Whether the service answered."""
        return bool(self.id)

    @cached_property
    def created_by(self) -> Any:
        """The Django project's user, asked for once and only here; a `Creator` where there is none, None where nobody is known."""
        if self.created_by_id == "":
            return None
        return django_project.user(str(self.created_by_id)) or Creator(
            str(self.created_by_id), self.created_by_username
        )


def _time(execution: TaskExecution, name: str) -> datetime | None:
    value: Timestamp = getattr(execution, name)
    return value.ToDatetime(UTC) if execution.HasField(name) else None
