"""Executions as they are looked at to be run again. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from task_server.store import records
from task_server.store.statement import Statement

# The versions of SQLite before 3.43 have no octet_length.
_FIND_BY_IDS = Statement(
    "SELECT id, COALESCE(parent_task, ''), owner_id, length(CAST(task_args AS BLOB)) + length(CAST(task_kwargs AS BLOB)) "
    "FROM execution WHERE id IN (SELECT value FROM json_each(:ids))",
    postgresql="SELECT id, COALESCE(parent_task, ''), owner_id, octet_length(task_args) + octet_length(task_kwargs) "
    "FROM execution WHERE id IN (SELECT jsonb_array_elements_text(:ids::jsonb))",
)


class Past(NamedTuple):
    """An execution that is to be run again."""

    id: str
    #: Its task; empty for a run of another Celery app.
    parent_task: str
    owner_id: str
    #: How many bytes its arguments take.
    argument_bytes: int


def find(ids: Iterable[str]) -> dict[str, Past]:
    """The executions with those ids, by id."""
    return {row[0]: Past(*row) for row in _FIND_BY_IDS.all(ids=records.dumps(list(ids)))}
