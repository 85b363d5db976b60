"""What is over and may go: found without locks, then locked, looked at again, and removed.

Whoever finds reads; only what was found is locked, so that a search that finds nothing costs writers nothing. On PostgreSQL rows
that somebody else holds are left out (SKIP LOCKED): any number of cleaners share the work. Each function runs inside a transaction
of the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import fn

from task_server.domain.clock import Micros
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task
from task_server.store import records, sealed_secrets
from task_server.store.database import Database
from task_server.store.statement import Statement, rows
from task_server.store.tables.executions import AttemptRow, ExecutionRow, LogRow
from task_server.store.tables.tasks import TaskRow

_FINAL = [status.value for status in ExecutionStatus if status.is_terminal]
_FINAL_TASK = [status.value for status in TaskStatus if status.is_terminal]
_TASK = [getattr(TaskRow, name) for name in records.TASK]

_EXECUTIONS = Statement(
    "SELECT e.id, e.status, e.finished_at, e.parent_task, t.last_execution_id, t.next_run_at, t.updated_at "
    "FROM execution e LEFT JOIN task t ON t.task_id = e.parent_task "
    "WHERE e.id > :after AND e.id < :before ORDER BY e.id LIMIT :limit"
)
_REPEATING = Statement(
    "SELECT run_count, task_id FROM task WHERE run_count > 1 AND run_count > :more_than "
    "AND (run_count, task_id) > (:run_count, :task_id) ORDER BY run_count, task_id LIMIT :limit"
)
_NEWEST_SURPLUS = Statement(
    "SELECT id FROM execution WHERE parent_task = :task_id ORDER BY id DESC LIMIT 1 OFFSET :keep"
)
_SURPLUS = Statement(
    "SELECT id FROM execution WHERE parent_task = :task_id AND id <= :newest AND id > :after ORDER BY id LIMIT :limit"
)
_NEVER_RUN = Statement(
    "SELECT task_id, updated_at FROM task WHERE last_execution_id IS NULL AND next_run_at IS NULL AND task_id > :after "
    "ORDER BY task_id LIMIT :limit"
)
_LOGGED = Statement(
    "SELECT e.id, e.status, e.finished_at, e.log_bytes FROM (SELECT DISTINCT execution_id FROM execution_log "
    "WHERE execution_id > :after AND execution_id < :before ORDER BY execution_id LIMIT :limit) l "
    "JOIN execution e ON e.id = l.execution_id ORDER BY e.id"
)


class Logged(NamedTuple):
    """An execution that was made long ago and whose log is here."""

    id: str
    status: str
    finished_at: Micros | None
    log_bytes: int

    def is_over(self, before: Micros) -> bool:
        """Whether it ended before that time."""
        return _is_over(self.status, self.finished_at, before)


class Old(NamedTuple):
    """An execution that was made long ago, with what says whether it may go."""

    id: str
    status: str
    finished_at: Micros | None
    #: The task that made it; None for a foreign run. What follows is the task's.
    task_id: str | None
    last_execution_id: str | None
    next_run_at: Micros | None
    updated_at: Micros | None

    def is_over(self, before: Micros) -> bool:
        """Whether it ended before that time."""
        return _is_over(self.status, self.finished_at, before)

    @property
    def is_latest(self) -> bool:
        """Whether it is its task's latest execution, which stays as long as the task."""
        return self.id == self.last_execution_id

    def may_end_task(self, before: Micros) -> bool:
        """Whether its task may be over since before that time too; whether it is, `lock_ended_tasks` says."""
        return self.next_run_at is None and self.updated_at is not None and self.updated_at < before


def old_executions(after: str, before: str, limit: int) -> list[Old]:
    """Up to `limit` executions whose ids lie between the two, in the order of their ids."""
    return [Old(*row) for row in _EXECUTIONS.all(after=after, before=before, limit=limit)]


def logged_executions(after: str, before: str, limit: int) -> list[Logged]:
    """Up to `limit` executions with a log whose ids lie between the two, in the order of their ids."""
    return [Logged(*row) for row in _LOGGED.all(after=after, before=before, limit=limit)]


def repeating_tasks(more_than: int, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
    """Up to `limit` tasks with more executions made than that, as (how many, task), in that order."""
    run_count, task_id = after
    found = _REPEATING.all(more_than=more_than, run_count=run_count, task_id=task_id, limit=limit)
    return [(count, name) for count, name in found]


def newest_surplus(task_id: str, keep: int) -> str | None:
    """The newest execution of a task that is not among its `keep` newest; None when there is none."""
    execution_id: str | None = _NEWEST_SURPLUS.value(task_id=task_id, keep=keep)
    return execution_id


def surplus(task_id: str, newest: str, after: str, limit: int) -> list[str]:
    """Up to `limit` executions of a task up to `newest`, in the order of their ids."""
    return [row[0] for row in _SURPLUS.all(task_id=task_id, newest=newest, after=after, limit=limit)]


def never_run(after: str, limit: int) -> list[tuple[str, Micros]]:
    """Up to `limit` tasks without an execution that will not get one by themselves, with when each last changed."""
    return [(task_id, updated_at) for task_id, updated_at in _NEVER_RUN.all(after=after, limit=limit)]


def lock_executions(database: Database, ids: Sequence[str], before: Micros) -> list[str]:
    """Those of the executions that ended before that time and are not their tasks' latest; locked."""
    latest = TaskRow.select().where(
        (TaskRow.task_id == ExecutionRow.parent_task) & (TaskRow.last_execution_id == ExecutionRow.id)
    )
    query = ExecutionRow.select(ExecutionRow.id).where(
        ExecutionRow.id.in_(ids)
        & ExecutionRow.status.in_(_FINAL)
        & (ExecutionRow.finished_at < before)
        & ~fn.EXISTS(latest)
    )
    return [execution_id for (execution_id,) in rows(_locked(database, query))]


def lock_ended_tasks(database: Database, ids: Sequence[str], before: Micros) -> list[Task]:
    """Those of the tasks that ended before that time and have at most one execution left, over as long; locked.

    A task is locked before its executions are looked at: none can be added meanwhile.
    """
    query = TaskRow.select(*_TASK).where(
        TaskRow.task_id.in_(ids)
        & TaskRow.next_run_at.is_null()
        & (TaskRow.updated_at < before)
        & (TaskRow.status.in_(_FINAL_TASK) | TaskRow.deleted_at.is_null(False))
    )
    ended = [records.task(row) for row in rows(_locked(database, query))]
    found = ExecutionRow.select(ExecutionRow.parent_task, ExecutionRow.status, ExecutionRow.finished_at).where(
        ExecutionRow.parent_task.in_([task.task_id for task in ended])
    )
    left: dict[str, list[bool]] = {}
    for task_id, status, finished_at in rows(found):
        left.setdefault(task_id, []).append(_is_over(status, finished_at, before))
    return [task for task in ended if left.get(task.task_id, [True]) == [True]]


def remove_logs(ids: Sequence[str]) -> int:
    """Remove what ended executions printed; return how many rows that were. Nobody adds to those, so they need no lock."""
    return int(LogRow.delete().where(LogRow.execution_id.in_(ids)).execute())


def remove_executions(ids: Sequence[str]) -> int:
    """Remove locked executions, with their attempts and logs; return how many executions there were."""
    remove_logs(ids)
    AttemptRow.delete().where(AttemptRow.execution_id.in_(ids)).execute()
    return int(ExecutionRow.delete().where(ExecutionRow.id.in_(ids)).execute())


def remove_tasks(ids: Sequence[str]) -> int:
    """Remove locked tasks, each with the one execution that it may have left; return how many tasks there were."""
    left = ExecutionRow.select(ExecutionRow.id).where(ExecutionRow.parent_task.in_(ids))
    remove_executions([execution_id for (execution_id,) in rows(left)])
    sealed_secrets.remove_of_tasks(ids)
    return int(TaskRow.delete().where(TaskRow.task_id.in_(ids)).execute())


def _is_over(status: str, finished_at: Micros | None, before: Micros) -> bool:
    return status in _FINAL and finished_at is not None and finished_at < before


def _locked(database: Database, query: Any) -> Any:
    # On SQLite whoever writes has the whole database.
    return query if database.is_sqlite else query.for_update(skip_locked=True)
