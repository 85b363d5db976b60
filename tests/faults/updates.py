"""Updates as they were asked for, and what was answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.faults.callers import Answer, Callers, Unanswered

from task_manager import EtagMismatch, InvalidFields, TaskManagerError, TaskNotFound, TaskStarted
from task_manager.v1.task_pb2 import Task

_MOST_TRIES = 8


@dataclass(slots=True, kw_only=True)
class Update:
    """One update, to one version of an item."""

    version: int
    #: When it was asked for and answered, in seconds since the epoch.
    began: float
    ended: float = 0.0
    #: The etag that it was made of; empty for whichever the task had.
    base: str = ""
    #: The task's etag right after it. Empty unless it was accepted.
    etag: str = ""
    #: Whether it may have happened without an answer that says so.
    is_unknown: bool = False
    #: Why it was refused.
    refused: str = ""


def update(
    callers: Callers, task_id: str, version: int, fields: dict[str, Any], *, with_etag: bool
) -> Iterator[Update]:
    """Update a task; where its etag has changed since it was read, read it and try again, a few times. Each try is told of."""
    for _ in range(_MOST_TRIES if with_etag else 1):
        base = ""
        if with_etag:
            base = callers.call(lambda client: client.get(task_id)).value.etag
        record = Update(version=version, began=time.time(), base=base)
        # Before it is asked for: a run that is read meanwhile must find that it was.
        yield record
        _ask(callers, task_id, fields, record)
        if "EtagMismatch" not in record.refused:
            return


def _ask(callers: Callers, task_id: str, fields: dict[str, Any], record: Update) -> None:
    unknown = 0

    def ask(client: Any) -> Task:
        nonlocal unknown
        unknown += 1
        answer: Task = client.update_task(task_id, etag=record.base, **fields)
        return answer

    try:
        answer: Answer[Task] = callers.call(ask)
    except Unanswered:
        record.is_unknown = True
    except (EtagMismatch, TaskStarted, InvalidFields, TaskNotFound) as error:
        # An earlier call of the same, whose answer was lost, may have done it.
        record.is_unknown = unknown > 1
        record.refused = repr(error)
    except TaskManagerError as error:
        record.refused = repr(error)
    else:
        record.etag = answer.value.etag
    record.ended = time.time()
