"""What `AsyncTaskClient` says and asks about tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Unpack

from task_manager import requests, rpcs
from task_manager.aio_calls import AsyncCalls
from task_manager.pages import AsyncPager
from task_manager.streams import WatchCursor
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task, View
from task_manager.v1.task_service_pb2 import (
    CreateTaskRequest,
    DeleteTaskRequest,
    ExplainTaskRequest,
    ExplainTaskResponse,
    GetTaskRequest,
    GetTaskStatsRequest,
    ListScheduledTasksRequest,
    ListScheduledTasksResponse,
    ListTasksRequest,
    ListTasksResponse,
    PauseTaskRequest,
    PreviewScheduleResponse,
    ResumeTaskRequest,
    RunTaskRequest,
    StopTaskRequest,
    StopTaskResponse,
    SyncTaskRequest,
    TaskStats,
    WatchTasksRequest,
)
from task_manager.waiting import Waiting


class AsyncTaskCalls(AsyncCalls):
    """`TaskCalls` for asyncio; its doc strings hold here too."""

    async def create_task(
        self,
        name: str,
        *,
        request_id: str | None = None,
        validate_only: bool = False,
        **fields: Unpack[requests.TaskFields],
    ) -> Task:
        """As `TaskClient.create_task`: makes a task; when this returns, it is stored and will run."""
        request = requests.create_task(name, fields, request_id=request_id, validate_only=validate_only)
        return await self._call(rpcs.CREATE_TASK, request)

    async def batch_create_tasks(self, tasks: Iterable[CreateTaskRequest]) -> list[Task]:
        """As `TaskClient.batch_create_tasks`: makes up to 1,000 tasks, all or none."""
        return list((await self._call(rpcs.BATCH_CREATE_TASKS, requests.batch_create_tasks(tasks))).tasks)

    async def get(self, task_id: str, *, view: View | str | None = None) -> Task:
        """As `TaskClient.get`: reads one task."""
        return await self._call(rpcs.GET_TASK, GetTaskRequest(task_id=task_id, view=view))

    def list(self, **fields: Unpack[requests.ListFields]) -> AsyncPager[ListTasksResponse, Task]:
        """As `TaskClient.list`: the tasks that match, newest first."""
        request = requests.fill(ListTasksRequest(), fields, requests.ListFields)
        return AsyncPager(self._fetch(rpcs.LIST_TASKS, request), lambda page: page.tasks)

    def list_scheduled(
        self, **fields: Unpack[requests.ScheduledFields]
    ) -> AsyncPager[ListScheduledTasksResponse, Task]:
        """As `TaskClient.list_scheduled`: the cron tasks that match, newest first."""
        request = requests.fill(ListScheduledTasksRequest(), fields, requests.ScheduledFields)
        return AsyncPager(self._fetch(rpcs.LIST_SCHEDULED_TASKS, request), lambda page: page.tasks)

    async def update_task(
        self, task_id: str, *, etag: str = "", clear: Sequence[str] = (), **fields: Unpack[requests.UpdateFields]
    ) -> Task:
        """As `TaskClient.update_task`: changes a task, at once."""
        return await self._call(rpcs.UPDATE_TASK, requests.update_task(task_id, fields, etag=etag, clear=clear))

    async def stop(self, task_id: str) -> StopTaskResponse:
        """As `TaskClient.stop`: ends executions and firings, and says what really happened."""
        return await self._call(rpcs.STOP_TASK, StopTaskRequest(task_id=task_id))

    async def stop_tasks(self, *, validate_only: bool = False, **fields: Unpack[requests.StatsFields]) -> int:
        """As `TaskClient.stop_tasks`: stops all tasks that match and have not ended, and gives how many."""
        return (await self._call(rpcs.STOP_TASKS, requests.stop_tasks(fields, validate_only=validate_only))).count

    async def delete(self, task_id: str) -> None:
        """As `TaskClient.delete`: stops a task and removes it from lists."""
        await self._call(rpcs.DELETE_TASK, DeleteTaskRequest(task_id=task_id))

    async def run(self, task_id: str, *, rerun_of: str = "", request_id: str | None = None) -> Task:
        """As `TaskClient.run`: makes one extra execution now, a rerun of a past one or a new one."""
        request_id = requests.identified(request_id)
        return await self._call(
            rpcs.RUN_TASK, RunTaskRequest(task_id=task_id, rerun_of=rerun_of, request_id=request_id)
        )

    async def pause(self, task_id: str) -> Task:
        """As `TaskClient.pause`: holds a task until it is resumed."""
        return await self._call(rpcs.PAUSE_TASK, PauseTaskRequest(task_id=task_id))

    async def resume(self, task_id: str) -> Task:
        """As `TaskClient.resume`: lets a held task fire again."""
        return await self._call(rpcs.RESUME_TASK, ResumeTaskRequest(task_id=task_id))

    async def sync(self, task_id: str) -> Task:
        """As `TaskClient.sync`: gives on at once the runs of a task whose worker is lost."""
        return await self._call(rpcs.SYNC_TASK, SyncTaskRequest(task_id=task_id))

    async def preview_schedule(
        self, cron_expression: str, *, time_zone: str = "", count: int = 10, after: datetime | None = None
    ) -> PreviewScheduleResponse:
        """As `TaskClient.preview_schedule`: when a cron expression would fire, and what it means."""
        request = requests.preview_schedule(cron_expression, time_zone=time_zone, count=count, after=after)
        return await self._call(rpcs.PREVIEW_SCHEDULE, request)

    async def explain(self, task_id: str) -> ExplainTaskResponse:
        """As `TaskClient.explain`: why a task does or does not run."""
        return await self._call(rpcs.EXPLAIN_TASK, ExplainTaskRequest(task_id=task_id))

    async def stats(self, **fields: Unpack[requests.StatsFields]) -> TaskStats:
        """As `TaskClient.stats`: counts the tasks that match."""
        return await self._call(rpcs.GET_TASK_STATS, requests.fill(GetTaskStatsRequest(), fields, requests.StatsFields))

    def watch(
        self,
        task_id: str = "",
        *,
        until_terminal: bool = False,
        watch_token: str = "",
        **fields: Unpack[requests.WatchFields],
    ) -> AsyncGenerator[TaskEvent, None]:
        """As `TaskClient.watch`: changes as they happen, each once. Leave it early by `aclosing`, so that it ends at once."""
        request = WatchTasksRequest(task_id=task_id, until_terminal=until_terminal, watch_token=watch_token)
        request = requests.fill(request, fields, requests.WatchFields)
        return self._resume(rpcs.WATCH_TASKS, WatchCursor(request))

    # The timeout is gRPC's deadline, so that the server stops its work too.
    async def wait(self, task_id: str, timeout: float | None = None) -> TaskExecution:  # noqa: ASYNC109
        """As `TaskClient.wait`: the last execution of a task, once it is final."""
        waiting = Waiting(task_id, timeout)
        request = WatchTasksRequest(task_id=task_id, until_terminal=True)
        while True:
            async with aclosing(self._resume(rpcs.WATCH_TASKS, WatchCursor(request), waiting.remaining)) as events:
                async for event in events:
                    if waiting.is_over(event):
                        break
            with waiting.reading(self._timeout) as seconds:
                task = await self._call(rpcs.GET_TASK, GetTaskRequest(task_id=task_id), seconds)
            # None when somebody ran the task again between the two.
            if (execution := waiting.execution(task)) is not None:
                return execution
