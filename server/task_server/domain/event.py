"""A change of a task and, mostly, of one of its executions: what a watcher gets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.execution import Execution
from task_server.domain.task import Task


class EventType(StrEnum):
    """What became of the task."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Position(NamedTuple):
    """A place in the stream of events, ordered by (transaction, number).

    On PostgreSQL transactions commit in another order than they take numbers; a reader that goes by (transaction, number) and
    stops before the oldest running transaction sees every event once. On SQLite writers take turns and `transaction` is 0.
    """

    transaction: int
    number: int


class Names(NamedTuple):
    """What watchers choose tasks by, and an update may change."""

    name: str
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change, with the task and the execution as they were right after it, without their heavy parts."""

    position: Position
    type: EventType
    task: Task
    execution: Execution | None
    occurred_at: Micros
    #: The names that the task had before; None where this change left them as they were.
    former: Names | None = None
