"""What `AsyncTaskClient` says and asks about executions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Unpack

from task_manager import requests, rpcs
from task_manager.aio_calls import AsyncCalls
from task_manager.pages import AsyncPager
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


class AsyncExecutionCalls(AsyncCalls):
    """`ExecutionCalls` for asyncio; its doc strings hold here too."""

    async def rerun_executions(
        self,
        ids: Sequence[str] = (),
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        validate_only: bool = False,
        created_by: str = "",
        my_tasks: bool | None = None,
        request_id: str | None = None,
    ) -> RerunExecutionsResponse:
        """As `TaskClient.rerun_executions`: runs past executions again, all of them or none, or counts them."""
        return await self._call(
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

    async def get_execution(self, execution_id: str, *, view: View | str | None = None) -> TaskExecution:
        """As `TaskClient.get_execution`: reads one execution by its `id`."""
        return await self._call(rpcs.GET_EXECUTION, GetExecutionRequest(id=execution_id, view=view))

    async def execution_status(self, task_id: str) -> ExecutionStatus:
        """As `TaskClient.execution_status`: the status of one execution by its Celery `task_id`."""
        return await self._call(rpcs.GET_EXECUTION_STATUS, GetExecutionStatusRequest(task_id=task_id))

    def list_executions(
        self, **fields: Unpack[requests.ExecutionFields]
    ) -> AsyncPager[ListExecutionsResponse, TaskExecution]:
        """As `TaskClient.list_executions`: the executions that match, newest first."""
        request = requests.fill(ListExecutionsRequest(), fields, requests.ExecutionFields)
        return AsyncPager(self._fetch(rpcs.LIST_EXECUTIONS, request), lambda page: page.executions)

    def logs(self, execution_id: str, *, follow: bool = False, offset: int = 0) -> AsyncGenerator[str, None]:
        """As `TaskClient.logs`: what a run printed, piece by piece."""
        request = TailExecutionLogsRequest(id=execution_id, offset=offset, follow=follow)
        return self._resume(rpcs.TAIL_EXECUTION_LOGS, LogCursor(request))

    async def register_execution(
        self, task_id: str, task_name: str, module: str, **fields: Unpack[requests.RegistrationFields]
    ) -> TaskExecution:
        """As `ExecutionCalls.register_execution`: records a run, once."""
        return await self._call(rpcs.REGISTER_EXECUTION, requests.registration(task_id, task_name, module, fields))

    async def batch_register_executions(self, runs: Iterable[RegisterExecutionRequest]) -> list[TaskExecution]:
        """As `ExecutionCalls.batch_register_executions`: records up to 1,000 runs, all or none."""
        request = BatchRegisterExecutionsRequest(requests=runs)
        return list((await self._call(rpcs.BATCH_REGISTER_EXECUTIONS, request)).executions)

    async def report_executions(self, reports: Iterable[ExecutionReport]) -> BatchReportExecutionsResponse:
        """As `ExecutionCalls.report_executions`: records and moves on up to 1,000 runs."""
        return await self._call(rpcs.BATCH_REPORT_EXECUTIONS, BatchReportExecutionsRequest(reports=reports))

    async def update_execution_status(
        self, execution_id: str, status: TaskExecution.Status | str, **fields: Unpack[requests.StatusFields]
    ) -> TaskExecution:
        """As `ExecutionCalls.update_execution_status`: moves a registered run on."""
        request = requests.update_execution_status(execution_id, status, fields)
        return await self._call(rpcs.UPDATE_EXECUTION_STATUS, request)

    async def sync_execution(self, execution_id: str) -> TaskExecution:
        """As `ExecutionCalls.sync_execution`: reads Celery's result backend for a run."""
        return await self._call(rpcs.SYNC_EXECUTION, SyncExecutionRequest(id=execution_id))

    async def sync_executions(self, *, max_count: int = 0, my_tasks: bool | None = None) -> SyncExecutionsResponse:
        """As `ExecutionCalls.sync_executions`: reads the result backends for many runs."""
        return await self._call(rpcs.SYNC_EXECUTIONS, SyncExecutionsRequest(max_count=max_count, my_tasks=my_tasks))

    async def get_execution_by_task_id(self, task_id: str, *, view: View | str | None = None) -> TaskExecution:
        """As `ExecutionCalls.get_execution_by_task_id`: reads one execution by its Celery `task_id`."""
        return await self._call(rpcs.GET_EXECUTION_BY_TASK_ID, GetExecutionByTaskIdRequest(task_id=task_id, view=view))

    def list_my_executions(
        self, **fields: Unpack[requests.MyExecutionFields]
    ) -> AsyncPager[ListMyExecutionsResponse, TaskExecution]:
        """As `ExecutionCalls.list_my_executions`: the caller's own executions that match."""
        request = requests.fill(ListMyExecutionsRequest(), fields, requests.MyExecutionFields)
        return AsyncPager(self._fetch(rpcs.LIST_MY_EXECUTIONS, request), lambda page: page.executions)

    async def execution_stats(self, **fields: Unpack[requests.ExecutionStatsFields]) -> ExecutionStats:
        """As `ExecutionCalls.execution_stats`: counts and measures the executions that match."""
        request = requests.fill(GetExecutionStatsRequest(), fields, requests.ExecutionStatsFields)
        return await self._call(rpcs.GET_EXECUTION_STATS, request)
