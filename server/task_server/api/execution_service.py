"""ExecutionService: validate, use case, convert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from task_manager.v1 import execution_pb2, execution_service_pb2, task_pb2
from task_server.api import convert
from task_server.api.execution_stats import check_period_length, execution_stats
from task_server.api.interceptors.authentication import current_caller
from task_server.api.reruns import RerunCalls
from task_server.api.searches import Searches
from task_server.api.shares import Shares
from task_server.api.threads import Threads
from task_server.api.tracked_runs import TrackedRuns
from task_server.api.validation import listing
from task_server.api.validation.execution_filter import execution_filter
from task_server.api.validation.filter import check_zone
from task_server.api.validation.order import check_order, place_text, read_place
from task_server.api.validation.violations import Violations
from task_server.api.values import timestamp
from task_server.api.watch import Watchers
from task_server.api.watch_stream import WatchTokens
from task_server.domain.errors import ServerStopping
from task_server.domain.ordering import place
from task_server.usecases.execution_stats import ExecutionStatistics
from task_server.usecases.executions import Executions, ExecutionView
from task_server.usecases.syncing import Syncing
from task_server.usecases.visibility import owner_scope

#: How often a followed log is looked at.
_FOLLOW_SECONDS = 0.5
#: Runs that one call looks up, where it says no number, and at most.
_USUALLY_SYNCED, _MOST_SYNCED = 100, 1000


#: A list's answer.
Response = TypeVar("Response")


class ExecutionService:
    """The RPCs of ExecutionService that are served; the rest answer UNIMPLEMENTED."""

    def __init__(
        self,
        *,
        executions: Executions,
        statistics: ExecutionStatistics,
        tracked_runs: TrackedRuns,
        syncing: Syncing,
        reruns: RerunCalls,
        watch_tokens: WatchTokens,
        page_tokens: listing.PageTokens,
        threads: Threads,
        searches: Searches,
        lookups: Shares,
        watchers: Watchers,
    ) -> None:
        self._executions = executions
        self._statistics = statistics
        self._tracked_runs = tracked_runs
        self._syncing = syncing
        self._reruns = reruns
        self._watch_tokens = watch_tokens
        self._page_tokens = page_tokens
        self._threads = threads
        self._searches = searches
        # A result backend may take seconds: nobody who only needs the database waits for that.
        self._lookups = lookups
        self._watchers = watchers

    async def RegisterExecution(  # noqa: N802
        self, request: execution_service_pb2.RegisterExecutionRequest, _: Any
    ) -> execution_pb2.TaskExecution:
        """Record a run of another Celery app."""
        return await self._threads.run(self._tracked_runs.register, current_caller.get(), request)

    async def BatchRegisterExecutions(  # noqa: N802
        self, request: execution_service_pb2.BatchRegisterExecutionsRequest, _: Any
    ) -> execution_service_pb2.BatchRegisterExecutionsResponse:
        """Record many runs of other Celery apps."""
        return await self._threads.run(self._tracked_runs.register_many, current_caller.get(), request)

    async def BatchReportExecutions(  # noqa: N802
        self, request: execution_service_pb2.BatchReportExecutionsRequest, _: Any
    ) -> execution_service_pb2.BatchReportExecutionsResponse:
        """Record and move many runs of other Celery apps."""
        return await self._threads.run(self._tracked_runs.report, current_caller.get(), request)

    async def UpdateExecutionStatus(  # noqa: N802
        self, request: execution_service_pb2.UpdateExecutionStatusRequest, _: Any
    ) -> execution_pb2.TaskExecution:
        """Move a run of another Celery app."""
        return await self._threads.run(self._tracked_runs.update, current_caller.get(), request)

    async def ListExecutions(  # noqa: N802
        self, request: execution_service_pb2.ListExecutionsRequest, _: Any
    ) -> execution_service_pb2.ListExecutionsResponse:
        """List executions."""
        my_tasks = request.my_tasks if request.HasField("my_tasks") else None
        owner_id = owner_scope(current_caller.get(), request.created_by, my_tasks)
        return await self._list(request, owner_id, execution_service_pb2.ListExecutionsResponse)

    async def ListMyExecutions(  # noqa: N802
        self, request: execution_service_pb2.ListMyExecutionsRequest, _: Any
    ) -> execution_service_pb2.ListMyExecutionsResponse:
        """List the caller's own executions."""
        owner_id = current_caller.get().owner.id
        return await self._list(request, owner_id, execution_service_pb2.ListMyExecutionsResponse)

    async def GetExecution(  # noqa: N802
        self, request: execution_service_pb2.GetExecutionRequest, _: Any
    ) -> execution_pb2.TaskExecution:
        """Read an execution."""
        violations = Violations()
        full = listing.check_view(request.view, task_pb2.FULL, violations)
        execution_id = _required("id", request.id, violations)
        return _execution(await self._threads.run(self._executions.get, current_caller.get(), execution_id, full=full))

    async def GetExecutionByTaskId(  # noqa: N802
        self, request: execution_service_pb2.GetExecutionByTaskIdRequest, _: Any
    ) -> execution_pb2.TaskExecution:
        """Read an execution by its Celery task id."""
        violations = Violations()
        full = listing.check_view(request.view, task_pb2.FULL, violations)
        task_id = _required("task_id", request.task_id, violations)
        return _execution(
            await self._threads.run(self._executions.get_by_task_id, current_caller.get(), task_id, full=full)
        )

    async def GetExecutionStatus(  # noqa: N802
        self, request: execution_service_pb2.GetExecutionStatusRequest, _: Any
    ) -> execution_service_pb2.ExecutionStatus:
        """Read an execution's status."""
        task_id = _required("task_id", request.task_id, Violations())
        view = await self._threads.run(self._executions.get_by_task_id, current_caller.get(), task_id, full=False)
        execution = view.execution
        return execution_service_pb2.ExecutionStatus(
            id=execution.id,
            task_id=execution.task_id,
            status=execution.status.value,
            terminal=execution.status.is_terminal,
            started_at=timestamp(execution.started_at),
            finished_at=timestamp(execution.finished_at),
            error=execution.error,
        )

    async def SyncExecution(  # noqa: N802
        self, request: execution_service_pb2.SyncExecutionRequest, _: Any
    ) -> execution_pb2.TaskExecution:
        """Look up one run of another Celery app."""
        execution_id = _required("id", request.id, Violations())
        return _execution(await self._lookups.run(self._syncing.sync, current_caller.get(), execution_id))

    async def SyncExecutions(  # noqa: N802
        self, request: execution_service_pb2.SyncExecutionsRequest, _: Any
    ) -> execution_service_pb2.SyncExecutionsResponse:
        """Look up unfinished runs of other Celery apps."""
        my_tasks = request.my_tasks if request.HasField("my_tasks") else None
        owner_id = owner_scope(current_caller.get(), "", my_tasks)
        violations = Violations()
        if not 0 <= request.max_count <= _MOST_SYNCED:
            violations.add("max_count", f"must be from 1 to {_MOST_SYNCED:,}; 0 means {_USUALLY_SYNCED}")
        violations.raise_any()
        max_count = request.max_count or _USUALLY_SYNCED
        synced = await self._lookups.run(self._syncing.sync_many, owner_id, max_count)
        return execution_service_pb2.SyncExecutionsResponse(**synced._asdict())

    async def RerunExecutions(  # noqa: N802
        self, request: execution_service_pb2.RerunExecutionsRequest, _: Any
    ) -> execution_service_pb2.RerunExecutionsResponse:
        """Run past executions again."""
        return await self._reruns.answer(current_caller.get(), request)

    async def GetExecutionStats(  # noqa: N802
        self, request: execution_service_pb2.GetExecutionStatsRequest, _: Any
    ) -> execution_service_pb2.ExecutionStats:
        """Count executions and measure their times."""
        my_tasks = request.my_tasks if request.HasField("my_tasks") else None
        owner_id = owner_scope(current_caller.get(), request.created_by, my_tasks)
        violations = Violations()
        wanted = execution_filter(request, owner_id, violations)
        zone = check_zone(request.time_zone, Violations())  # what is wrong with it is a violation already
        length = check_period_length(request.period_length, violations)
        violations.raise_any()
        stats = await self._searches.of(wanted).run(self._statistics.count, wanted, zone, length)
        return execution_stats(stats)

    async def TailExecutionLogs(  # noqa: N802
        self, request: execution_service_pb2.TailExecutionLogsRequest, _: Any
    ) -> AsyncIterator[execution_service_pb2.ExecutionLogChunk]:
        """Stream what a run printed."""
        violations = Violations()
        if request.offset < 0:
            violations.add("offset", "must not be negative")
        execution_id = _required("id", request.id, violations)
        caller, offset = current_caller.get(), request.offset
        while True:
            execution, chunks = await self._threads.run(self._executions.log, caller, execution_id, offset)
            fresh = False
            for chunk in chunks:
                data = chunk.text.encode()
                end = chunk.offset + len(data)
                if end <= offset:
                    continue
                skipped = max(offset - chunk.offset, 0)
                # An offset within a character begins with the next whole one.
                text = data[skipped:].decode(errors="ignore")
                yield execution_service_pb2.ExecutionLogChunk(
                    offset=end - len(text.encode()), text=text, attempt=chunk.attempt
                )
                offset, fresh = end, True
            if fresh:
                continue
            if not request.follow or execution.status.is_terminal:
                return
            if self._watchers.is_closed:
                raise ServerStopping
            await asyncio.sleep(_FOLLOW_SECONDS)

    async def _list(self, request: Any, owner_id: str | None, response: Callable[..., Response]) -> Response:
        caller = current_caller.get()
        violations = Violations()
        wanted = execution_filter(request, owner_id, violations)
        order = check_order(request.order_by, violations)
        full = listing.check_view(request.view, task_pb2.BASIC, violations)
        size = listing.check_page_size(request.page_size, violations, full=full)
        violations.raise_any()
        after = read_place(self._page_tokens.last_id(request, request.page_token, caller), order)
        page = await self._searches.of(wanted, order).run(self._executions.page, wanted, after, size, order, full=full)
        last = place_text(place(page.views[-1].execution, order)) if page.has_more else ""
        return response(
            executions=[_execution(view) for view in page.views],
            next_page_token=self._page_tokens.next_token(request, caller, last) if last else "",
            total_size=page.total,
            total_size_is_least=page.total_is_least,
            watch_token=self._watch_tokens.token(page.position),
        )


def _execution(view: ExecutionView) -> execution_pb2.TaskExecution:
    return convert.execution(view.execution, view.detail)


def _required(field: str, value: str, violations: Violations) -> str:
    if not value:
        violations.add(field, "is required")
    violations.raise_any()
    return value
