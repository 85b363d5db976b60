"""`TaskTracker`: the service of the Django app for task tracking, under its names, over the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from task_manager import execution_stats, run_fields
from task_manager.best_effort import BestEffort, NoAnswer
from task_manager.client import TaskClient
from task_manager.errors import ExecutionNotForeign, ExecutionNotFound, PermissionMissing, TaskManagerError
from task_manager.execution_record import ExecutionRecord
from task_manager.readable import text
from task_manager.recorder import default_recorder
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import SyncExecutionsResponse

# One for each kind of call, so that a slow one, as a result backend's may be, does not pass for a service that is away.
_rows, _syncs, _counts = BestEffort(), BestEffort(), BestEffort()
# For jobs, which have time; views do not sync in bulk.
_bulk_syncs = BestEffort(timeout=30.0)

_LATER = "it waits in this process, and is sent later"
_MOST_SYNCED = 1000
_FINAL = frozenset({TaskExecution.SUCCESS, TaskExecution.FAILURE, TaskExecution.REVOKED})


class TaskTracker:
    """Records, moves on and reads runs of Celery tasks. Nothing here dispatches a task, raises, or waits for long.

    While the service is away or refuses, a call takes a second at most (TASK_MANAGER_TIMEOUT), and those after it next to
    nothing; the logger `task_manager` warns, and what was to be recorded waits in this process until it can be sent. What
    is given back then holds what the caller said and no more, with an empty `id`.
    """

    @staticmethod
    def register_task(
        task_id: object,
        task_name: object,
        module: object,
        task_args: object = None,
        task_kwargs: object = None,
        created_by: object = None,
        metadata: object = None,
        initial_status: object = "PENDING",
    ) -> ExecutionRecord:
        """Records a run. The same `task_id` again, for the same user, gives what the first call recorded.

        Args:
            task_id: Celery's id of it.
            task_name: the Celery task's name.
            module: what it belongs to.
            task_args: its positional arguments. What is no JSON is told in text, here and below.
            task_kwargs: its keyword arguments.
            created_by: a Django user, or the id of a user. None, and somebody who is not logged in, mean the token's own
                user; for another one the token needs the grant `executions:register-for-others`.
            metadata: whatever is to be kept with it.
            initial_status: how far it is already.
        """
        what = "record a task"
        try:
            fields = _rows.prepare(
                what,
                lambda: run_fields.run(
                    task_id=task_id,
                    task_name=task_name,
                    module=module,
                    task_args=task_args,
                    task_kwargs=task_kwargs,
                    created_by=created_by,
                    metadata=metadata,
                    initial_status=initial_status,
                ),
            )
        except NoAnswer:
            return ExecutionRecord(task_id=text(task_id), task_name=text(task_name), module=text(module))
        try:
            return ExecutionRecord.of(
                _rows.call(what, lambda client: client().register_execution(**fields), otherwise=_LATER)
            )
        except NoAnswer as missing:
            if missing.is_passing:
                default_recorder().register(**fields)
            return ExecutionRecord.said(fields)

    @staticmethod
    def update_task_status(
        task_id: object,
        status: object,
        result: object = None,
        error: object = None,
        traceback: object = None,
        metadata: object = None,
    ) -> ExecutionRecord | None:
        """Moves a run on; one that has ended stays as it is. The first STARTED and the first final status set the times.

        Args:
            task_id: Celery's id of it.
            status: where it stands now.
            result: what it returned.
            error: what went wrong, as text or as the exception.
            traceback: the stack.
            metadata: merged into what is there.

        Returns:
            The run as it is recorded now; None where nobody has recorded it.
        """
        what, key = "move a task on", text(task_id)
        try:
            known = _rows.prepare(what, lambda: run_fields.status(status))
            fields = _rows.prepare(what, lambda: run_fields.outcome(result, error, traceback, metadata))
        except NoAnswer:
            return ExecutionRecord(task_id=key)
        try:
            return ExecutionRecord.of(
                _rows.call(what, lambda client: _moved(client, key, known, fields), otherwise=_LATER)
            )
        except ExecutionNotFound:
            # Its record may still wait in this process; then this comes after it.
            default_recorder().report(task_id=key, status=known, **fields)
            return None
        except NoAnswer as missing:
            if missing.is_passing:
                default_recorder().report(task_id=key, status=known, **fields)
            return ExecutionRecord(task_id=key, status=known, **fields)

    @staticmethod
    def get_task(task_id: object, sync: bool = True) -> ExecutionRecord | None:
        """Reads a run by Celery's id of it. None where nobody has recorded it, and where the token may not see it.

        With `sync` the service looks into Celery's result backend first, unless the run has ended. Where the service does not
        answer, the status is PENDING and `source` empty, as Celery says PENDING of what it does not know.
        """
        key = text(task_id)
        try:
            return ExecutionRecord.of(_rows.call("read a task", lambda client: _read(client, key, sync=sync)))
        except ExecutionNotFound:
            return None
        except NoAnswer:
            return ExecutionRecord(task_id=key)

    @staticmethod
    def sync_task_from_celery(task_id: object) -> ExecutionRecord | None:
        """Has the service look into Celery's result backend for a run, and gives what is known then; see `get_task`."""
        return TaskTracker.get_task(task_id)

    @staticmethod
    def sync_all_unfinished_executions(max_sync: int = 500) -> dict[str, int]:
        """Has the service look into Celery's result backends for up to `max_sync` (1,000 at most) runs that have not ended.

        Those of everybody where the token may see them, else its own. It is for jobs: it takes up to 30 s, and as long where
        the service is away. The service does the same by itself all the time.

        Returns:
            How many were looked up (`synced`), `changed` and `finished` by it, and how many could not be (`unreachable`).
        """
        try:
            done = _bulk_syncs.call(
                "sync tasks", lambda client: _synced(client, max(1, min(int(max_sync), _MOST_SYNCED)))
            )
        except NoAnswer:
            done = SyncExecutionsResponse()
        return {
            "synced": done.synced,
            "changed": done.changed,
            "finished": done.finished,
            "unreachable": done.unreachable,
        }

    @staticmethod
    def get_task_stats(
        module: str | None = None,
        task_name: str | None = None,
        created_by: object = None,
        my_tasks: bool | None = None,
        start_date: object = None,
        end_date: object = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Counts runs: those of the token's own user unless `created_by` or `my_tasks=False` says otherwise.

        Args:
            module: only those of this module.
            task_name: only those with this name.
            created_by: only those of this Django user, or of the user with this id. Others' need the permission to view all.
            my_tasks: False counts everybody's, which needs that too.
            start_date: only those recorded at or after this date or time.
            end_date: only those recorded before the end of this date, or before this time.
            **fields: see `requests.ExecutionStatsFields`.

        Returns:
            `total`, `by_status`, `by_module`, `by_task_name`, `by_user`, `success_rate` and times; see `ExecutionStats`. Where the
            service does not answer the numbers are None, since nobody knows them.
        """
        what = "count tasks"
        try:
            fields |= _counts.prepare(
                what,
                lambda: {
                    "module": module,
                    "task_name": task_name,
                    "created_by": run_fields.creator(created_by)[0] or None,
                    "my_tasks": my_tasks,
                    "start_date": run_fields.day_or_time(start_date),
                    "end_date": run_fields.day_or_time(end_date),
                },
            )
            return execution_stats.counted(_counts.call(what, lambda client: client().execution_stats(**fields)))
        except NoAnswer:
            return execution_stats.uncounted()


def _moved(client: Callable[[], TaskClient], task_id: str, status: str, fields: run_fields.Outcome) -> TaskExecution:
    recorded = client().get_execution_by_task_id(task_id)
    try:
        return client().update_execution_status(recorded.id, status, **fields)
    except ExecutionNotForeign:
        # The service runs it itself, and knows better.
        return recorded


def _read(client: Callable[[], TaskClient], task_id: str, *, sync: bool) -> TaskExecution:
    recorded = client().get_execution_by_task_id(task_id)
    if not sync or recorded.parent_task or recorded.status in _FINAL:
        return recorded
    try:
        return _syncs.call("sync a task", lambda _: client().sync_execution(recorded.id))
    except (NoAnswer, TaskManagerError):
        # What is known is known without it, and says itself how old it is.
        return recorded


def _synced(client: Callable[[], TaskClient], count: int) -> SyncExecutionsResponse:
    try:
        return client().sync_executions(max_count=count, my_tasks=False)
    except PermissionMissing:
        return client().sync_executions(max_count=count)
