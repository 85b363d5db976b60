"""Rows of other Celery apps' runs, many at once. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from task_server.domain.clock import NEVER, Micros
from task_server.domain.execution import Execution
from task_server.domain.registration import Registration
from task_server.store import executions, records
from task_server.store.statement import Row, Statement

#: Of an execution, which of those with its Celery task id it is, and whether its result and its traceback are stored, or why they
#: are not.
_FOUND = (
    *records.EXECUTION,
    "COALESCE(ordinal, 0)",
    "result IS NOT NULL OR omission <> ''",
    "traceback <> '' OR omission <> ''",
)
# Locked in the order of their ids: of two who lock several of the same rows one waits for the other, and not both.
_UNDER_TASK_IDS = Statement(
    "SELECT {columns} FROM execution WHERE registered_task_id IN (SELECT value FROM json_each(:task_ids)) ORDER BY id",
    _FOUND,
    postgresql="SELECT {columns} FROM execution WHERE registered_task_id = "
    "ANY (ARRAY (SELECT json_array_elements_text(:task_ids::json))) ORDER BY id FOR UPDATE",
)
_WITH_IDS = Statement(
    "SELECT {columns} FROM execution WHERE id IN (SELECT value FROM json_each(:ids)) "
    "AND registered_task_id IS NOT NULL ORDER BY id",
    _FOUND,
    postgresql="SELECT {columns} FROM execution WHERE id = ANY (ARRAY (SELECT json_array_elements_text(:ids::json))) "
    "AND registered_task_id IS NOT NULL ORDER BY id FOR UPDATE",
)
_OURS = Statement(
    "SELECT {columns} FROM execution WHERE task_id IN (SELECT value FROM json_each(:task_ids)) AND registered_task_id IS NULL",
    records.EXECUTION,
    postgresql="SELECT {columns} FROM execution WHERE task_id = ANY (ARRAY (SELECT json_array_elements_text(:task_ids::json))) "
    "AND registered_task_id IS NULL",
)
_UPDATE = Statement(
    "UPDATE execution SET {changes}, result = COALESCE(:result, result), traceback = COALESCE(:traceback, traceback), "
    "omission = COALESCE(:omission, omission) WHERE id = :id",
    (*records.EXECUTION_STATE, "ready_at", "queue", "metadata", "sync_after", "sync_count"),
)
# Apart from how it stands, which changes often: what follows from these, counts and bytes of owners, is for changes that are few.
_ATTRIBUTE = Statement(
    "UPDATE execution SET {changes}, task_args = COALESCE(:task_args, task_args), "
    "task_kwargs = COALESCE(:task_kwargs, task_kwargs) WHERE id = :id",
    (
        *("owner_id", "owner_name", "named_by", "is_registered"),
        *("task_name", "module", "app", "metadata", "revision"),
    ),
)


@dataclass(slots=True, kw_only=True)
class TrackedRun:
    """A run of another Celery app, with what is to be stored of it."""

    execution: Execution
    #: Which of the runs with its Celery task id it is, from 0. No two are recorded as the same one: of two who each do not see what
    #: the other one records, one has to look again.
    ordinal: int
    #: What its arguments are to be stored from; None leaves them as they are.
    registration: Registration | None = None
    #: Whether they are stored, or why they are not.
    has_result: bool = False
    has_traceback: bool = False
    #: What becomes of the heavy columns; None leaves them as they are.
    result_json: str | None = None
    traceback: str | None = None
    omission: str | None = None


def under(task_ids: Iterable[str]) -> list[TrackedRun]:
    """The runs that anybody registered under those Celery task ids; locked."""
    return [_run(row) for row in _UNDER_TASK_IDS.all(task_ids=json.dumps(list(task_ids)))]


def with_ids(ids: Iterable[str]) -> list[TrackedRun]:
    """The runs with those execution ids, but for those of this service; locked."""
    return [_run(row) for row in _WITH_IDS.all(ids=json.dumps(list(ids)))]


def own(task_ids: Iterable[str], owner_id: str) -> list[Execution]:
    """The runs of this service with those Celery task ids that belong to that owner."""
    # By the owner last: it has more runs than there are ids.
    found = map(records.execution, _OURS.all(task_ids=json.dumps(list(task_ids))))
    return [execution for execution in found if execution.owner.id == owner_id]


def insert(runs: Iterable[TrackedRun], sync_after: Micros) -> int:
    """Store new runs; how many of them: of those that others have recorded meanwhile none.

    Whoever records several does so in one order, so that of two with the same ones not each waits for the other.
    """
    ordered = sorted(runs, key=lambda run: (run.execution.task_id, run.execution.owner.id))
    return executions.INSERT.run_many([_new_columns(run, sync_after) for run in ordered])


def attribute(runs: Iterable[TrackedRun]) -> None:
    """Store whose locked runs are, and what they are."""
    _ATTRIBUTE.run_many(
        [
            {
                **records.execution_columns(run.execution),
                "task_args": records.dumps(run.registration.args) if run.registration else None,
                "task_kwargs": records.dumps(run.registration.kwargs) if run.registration else None,
            }
            for run in runs
        ]
    )


def update(runs: Sequence[TrackedRun], sync_after: Micros) -> None:
    """Store what became of locked runs."""
    _UPDATE.run_many(
        [
            {
                **records.execution_state_columns(run.execution),
                "queue": run.execution.queue,
                "metadata": records.dumps(run.execution.metadata),
                "sync_after": None if run.execution.status.is_terminal else sync_after,
                "sync_count": 0,
                "result": run.result_json,
                "traceback": run.traceback,
                "omission": run.omission,
                "id": run.execution.id,
            }
            for run in runs
        ]
    )


def _run(row: Row) -> TrackedRun:
    *light, ordinal, has_result, has_traceback = row
    return TrackedRun(
        execution=records.execution(light),
        ordinal=ordinal,
        has_result=bool(has_result),
        has_traceback=bool(has_traceback),
    )


def _new_columns(run: TrackedRun, sync_after: Micros) -> dict[str, Any]:
    said = run.registration
    args, kwargs = (said.args, said.kwargs) if said else ([], {})
    return executions.new_columns(run.execution, publish_after=NEVER) | {
        "ordinal": run.ordinal,
        "task_args": records.dumps(args),
        "task_kwargs": records.dumps(kwargs),
        "sync_after": None if run.execution.status.is_terminal else sync_after,
        "result": run.result_json,
        "traceback": run.traceback or "",
        "omission": run.omission or "",
    }
