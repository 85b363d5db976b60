"""What `TaskClient` says and asks about executions."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Unpack

from task_manager import requests, rpcs
from task_manager.calls import Calls
from task_manager.pages import Pager
from task_manager.streams import LogCursor
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import (
    BatchRegisterExecutionsRequest,
    BatchReportExecutionsRequest,
    BatchReportExecutionsResponse,
    ExecutionReport,
    ExecutionStats,
    ExecutionStatus,
    GetExecutionByTaskIdRequest,
    GetExecutionRequest,
    GetExecutionStatsRequest,
    GetExecutionStatusRequest,
    ListExecutionsRequest,
    ListExecutionsResponse,
    ListMyExecutionsRequest,
    ListMyExecutionsResponse,
    RegisterExecutionRequest,
    RerunExecutionsRequest,
    RerunExecutionsResponse,
    SyncExecutionRequest,
    SyncExecutionsRequest,
    SyncExecutionsResponse,
    TailExecutionLogsRequest,
)
from task_manager.v1.task_pb2 import View


class ExecutionCalls(Calls):
    """The part of `TaskClient` for runs: those of tasks, and those of other Celery apps, which it only hears of."""

    def rerun_executions(
        self,
        ids: Sequence[str] = (),
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        validate_only: bool = False,
        created_by: str = "",
        my_tasks: bool | None = None,
        request_id: str | None = None,
    ) -> RerunExecutionsResponse:
        """Runs past executions again with their own arguments, all of them or none.

        Args:
            ids: the executions, 1 to 1,000. Or:
            filter: those of them that match and have ended, 1,000 at most. `list_executions` takes the same expressions.
            validate_only: only counts them.
            created_by: with `filter`, whose executions. Default: the caller's.
            my_tasks: with `filter`, False means everybody's.
            request_id: as for `run`.

        Raises:
            ExecutionNotFound, ExecutionForeign, TaskEnded: one of those with these ids can not be run again.
        """
        return self._call(
            rpcs.RERUN_EXECUTIONS,
            RerunExecutionsRequest(
                ids=ids,
                filter=filter,
                validate_only=validate_only,
                created_by=created_by,
                my_tasks=my_tasks,
                request_id=requests.identified(request_id),
            ),
        )

    def get_execution(self, execution_id: str, *, view: View | str | None = None) -> TaskExecution:
        """Reads one execution by its `id`, in its FULL view unless said otherwise. Raises `ExecutionNotFound`."""
        return self._call(rpcs.GET_EXECUTION, GetExecutionRequest(id=execution_id, view=view))

    def execution_status(self, task_id: str) -> ExecutionStatus:
        """The status of one execution by its Celery `task_id`, and no more: made to be polled."""
        return self._call(rpcs.GET_EXECUTION_STATUS, GetExecutionStatusRequest(task_id=task_id))

    def list_executions(
        self, **fields: Unpack[requests.ExecutionFields]
    ) -> Pager[ListExecutionsResponse, TaskExecution]:
        """The executions that match, newest first, in their BASIC view unless said otherwise."""
        request = requests.fill(ListExecutionsRequest(), fields, requests.ExecutionFields)
        return Pager(self._fetch(rpcs.LIST_EXECUTIONS, request), lambda page: page.executions)

    def logs(self, execution_id: str, *, follow: bool = False, offset: int = 0) -> Generator[str, None, None]:
        """What a run printed, piece by piece, from byte `offset` on; with `follow` until the run ends.

        It goes on by itself where a connection broke. Raises `ExecutionNotFound`.
        """
        request = TailExecutionLogsRequest(id=execution_id, offset=offset, follow=follow)
        return self._resume(rpcs.TAIL_EXECUTION_LOGS, LogCursor(request))

    def register_execution(
        self, task_id: str, task_name: str, module: str, **fields: Unpack[requests.RegistrationFields]
    ) -> TaskExecution:
        """Records a run. The same `task_id` again answers with what the first call recorded.

        Args:
            task_id: Celery's id of it.
            task_name: the Celery task's name.
            module: what it belongs to.
            **fields: see `requests.RegistrationFields`.

        Raises:
            PermissionMissing: `created_by` is another user, and the token has not the grant for that.
            ValueError, TypeError: as for `create_task`.
        """
        return self._call(rpcs.REGISTER_EXECUTION, requests.registration(task_id, task_name, module, fields))

    def batch_register_executions(self, runs: Iterable[RegisterExecutionRequest]) -> list[TaskExecution]:
        """Records up to 1,000 runs, all or none, and gives them in the same order. `requests.registration` makes a run."""
        request = BatchRegisterExecutionsRequest(requests=runs)
        return list(self._call(rpcs.BATCH_REGISTER_EXECUTIONS, request).executions)

    def report_executions(self, reports: Iterable[ExecutionReport]) -> BatchReportExecutionsResponse:
        """Records and moves on up to 1,000 runs, as their processes saw them, and gives the counts.

        Reports may come late, twice, and in any order: a status never goes back, and a final one stays.
        """
        return self._call(rpcs.BATCH_REPORT_EXECUTIONS, BatchReportExecutionsRequest(reports=reports))

    def update_execution_status(
        self, execution_id: str, status: TaskExecution.Status | str, **fields: Unpack[requests.StatusFields]
    ) -> TaskExecution:
        """Moves a registered run on, by its `id`; one that has ended stays as it is. See `requests.StatusFields`.

        Raises `ExecutionNotFound`, and `ExecutionNotForeign` for a run of this service.
        """
        request = requests.update_execution_status(execution_id, status, fields)
        return self._call(rpcs.UPDATE_EXECUTION_STATUS, request)

    def sync_execution(self, execution_id: str) -> TaskExecution:
        """Reads Celery's result backend for a run, by its `id`, and gives what is known then.

        Raises `ExecutionNotFound`, `NoResultBackend` where none is configured for it, `ResultBackendUnavailable`.
        """
        return self._call(rpcs.SYNC_EXECUTION, SyncExecutionRequest(id=execution_id))

    def sync_executions(self, *, max_count: int = 0, my_tasks: bool | None = None) -> SyncExecutionsResponse:
        """Reads Celery's result backends for up to `max_count` (1 to 1,000, 0 for 100) runs that have not ended."""
        return self._call(rpcs.SYNC_EXECUTIONS, SyncExecutionsRequest(max_count=max_count, my_tasks=my_tasks))

    def get_execution_by_task_id(self, task_id: str, *, view: View | str | None = None) -> TaskExecution:
        """Reads one execution by its Celery `task_id`, FULL unless said otherwise. Raises `ExecutionNotFound`."""
        return self._call(rpcs.GET_EXECUTION_BY_TASK_ID, GetExecutionByTaskIdRequest(task_id=task_id, view=view))

    def list_my_executions(
        self, **fields: Unpack[requests.MyExecutionFields]
    ) -> Pager[ListMyExecutionsResponse, TaskExecution]:
        """The caller's own executions that match, newest first, in their BASIC view unless said otherwise."""
        request = requests.fill(ListMyExecutionsRequest(), fields, requests.MyExecutionFields)
        return Pager(self._fetch(rpcs.LIST_MY_EXECUTIONS, request), lambda page: page.executions)

    def execution_stats(self, **fields: Unpack[requests.ExecutionStatsFields]) -> ExecutionStats:
        """Counts the executions that match, and measures how long they waited and ran."""
        request = requests.fill(GetExecutionStatsRequest(), fields, requests.ExecutionStatsFields)
        return self._call(rpcs.GET_EXECUTION_STATS, request)
