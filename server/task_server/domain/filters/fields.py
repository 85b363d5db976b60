"""The fields that filters may ask for, and of which kind each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from task_server.domain.observation import Source
from task_server.domain.schedule import TaskType
from task_server.domain.status import ExecutionStatus, FailureReason, TaskStatus


class Kind(Enum):
    """How a field's values are written and compared."""

    TEXT = auto()
    #: One of a few words.
    WORD = auto()
    TIME = auto()
    NUMBER = auto()
    #: A length of time, in seconds.
    SECONDS = auto()
    #: A JSON object, whose values are asked for by a path.
    OBJECT = auto()
    #: A JSON list, whose first name is a place in it.
    LIST = auto()

    @property
    def is_json(self) -> bool:
        """Whether there are values within."""
        return self in (Kind.OBJECT, Kind.LIST)


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `words` are the values of a field of words."""

    name: str
    kind: Kind
    words: tuple[str, ...] = ()


def _by_name(fields: Iterable[Field]) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


def _all(kind: Kind, *names: str) -> list[Field]:
    return [Field(name, kind) for name in names]


EXECUTION_FIELDS = _by_name(
    [
        *_all(Kind.TEXT, "id", "task_id", "parent_task", "task_name", "module", "error", "worker", "queue", "app"),
        *_all(Kind.TEXT, "created_by", "created_by_id", "created_by_username", "rerun_of"),
        *_all(Kind.TIME, "created_at", "started_at", "finished_at", "scheduled_for", "observed_at", "due_at"),
        *_all(Kind.TIME, "deadline_at"),
        *_all(Kind.NUMBER, "retries", "log_bytes"),
        *_all(Kind.SECONDS, "duration"),
        Field("status", Kind.WORD, tuple(ExecutionStatus)),
        Field("source", Kind.WORD, tuple(Source)),
        Field("failure_reason", Kind.WORD, tuple(FailureReason)),
        *_all(Kind.OBJECT, "metadata", "task_kwargs"),
        *_all(Kind.LIST, "task_args"),
    ]
)

TASK_FIELDS = _by_name(
    [
        *_all(Kind.TEXT, "task_id", "name", "module"),
        *_all(Kind.TIME, "created_at", "updated_at", "next_run_at"),
        Field("status", Kind.WORD, tuple(TaskStatus)),
        Field("task_type", Kind.WORD, tuple(TaskType)),
        *_all(Kind.OBJECT, "metadata"),
    ]
)
