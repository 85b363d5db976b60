"""`AsyncTaskClient`: the service for programs on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from copy import copy
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc import aio

from task_manager import requests, rpcs
from task_manager.aio_execution_calls import AsyncExecutionCalls
from task_manager.aio_lock_calls import AsyncLockCalls
from task_manager.endpoint import Endpoint
from task_manager.errors import TaskManagerError
from task_manager.pages import AsyncPager
from task_manager.rpcs import RequestT, ResponseT, Rpc
from task_manager.status import from_grpc
from task_manager.streams import Cursor, LogCursor, Patience, WatchCursor, is_break
from task_manager.tls_files import PathLike
from task_manager.v1.admin_service_pb2 import (
    CreateTokenResponse,
    GetSystemStatusRequest,
    ListTokensRequest,
    ListTokensResponse,
    RevokeTokenRequest,
)
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import (
    ExecutionStatus,
    GetExecutionRequest,
    GetExecutionStatusRequest,
    ListExecutionsRequest,
    ListExecutionsResponse,
    RerunExecutionsRequest,
    RerunExecutionsResponse,
    TailExecutionLogsRequest,
)
from task_manager.v1.system_status_pb2 import SystemStatus
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
from task_manager.v1.token_pb2 import Token
from task_manager.waiting import Waiting

ItemT = TypeVar("ItemT")


class AsyncTaskClient(AsyncExecutionCalls, AsyncLockCalls):
    """`TaskClient` for asyncio: the same arguments, methods, answers and errors; its doc strings hold here too.

    Calls are awaited; `list`, `list_scheduled`, `list_executions`, `watch` and `logs` are for `async for`. It may be made
    anywhere, and belongs to the event loop of its first call.
    """

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        ca_file: PathLike | None = None,
        cert_file: PathLike | None = None,
        key_file: PathLike | None = None,
        insecure: bool = False,
        timeout: float = 30.0,
        patience: float = 60.0,
    ) -> None:
        self._endpoint = Endpoint.resolve(
            address,
            token,
            credentials=credentials,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
            insecure=insecure,
        )
        self._timeout = timeout
        self._patience = patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection. Calls and streams that are still open are cancelled."""
        await self._channel.close(None)

    def within(self, timeout: float) -> Self:
        """As `TaskClient.within`: the same connection, with another deadline. Only where an event loop runs."""
        assert self._channel  # noqa: S101 - made here, so that both have the same one
        twin = copy(self)
        twin._timeout = timeout
        return twin

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

    async def run(self, task_id: str, *, rerun_of: str = "") -> Task:
        """As `TaskClient.run`: makes one extra execution now, a rerun of a past one or a new one."""
        return await self._call(rpcs.RUN_TASK, RunTaskRequest(task_id=task_id, rerun_of=rerun_of))

    async def rerun_executions(
        self,
        ids: Sequence[str] = (),
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        validate_only: bool = False,
        created_by: str = "",
        my_tasks: bool | None = None,
    ) -> RerunExecutionsResponse:
        """As `TaskClient.rerun_executions`: runs past executions again, all of them or none, or counts them."""
        return await self._call(
            rpcs.RERUN_EXECUTIONS,
            RerunExecutionsRequest(
                ids=ids, filter=filter, validate_only=validate_only, created_by=created_by, my_tasks=my_tasks
            ),
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

    async def system_status(self) -> SystemStatus:
        """As `TaskClient.system_status`: what runs, for admins."""
        return await self._call(rpcs.GET_SYSTEM_STATUS, GetSystemStatusRequest())

    async def create_token(
        self,
        user_id: str,
        role: str,
        *,
        username: str = "",
        grants: Sequence[str] = (),
        name: str = "",
        expires_at: datetime | None = None,
    ) -> CreateTokenResponse:
        """As `TaskClient.create_token`: makes a token, whose `key` is shown this once."""
        request = requests.create_token(
            user_id, role, username=username, grants=grants, name=name, expires_at=expires_at
        )
        return await self._call(rpcs.CREATE_TOKEN, request)

    def list_tokens(self, page_size: int = 0) -> AsyncPager[ListTokensResponse, Token]:
        """As `TaskClient.list_tokens`: all tokens, newest first."""
        request = ListTokensRequest(page_size=page_size)
        return AsyncPager(self._fetch(rpcs.LIST_TOKENS, request), lambda page: page.tokens)

    async def revoke_token(self, token_id: str) -> Token:
        """As `TaskClient.revoke_token`: ends a token, by its `id`."""
        return (await self._call(rpcs.REVOKE_TOKEN, RevokeTokenRequest(id=token_id))).token

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

    @cached_property
    def _channel(self) -> aio.Channel:
        # Made at first use, because a channel belongs to the event loop that runs when it is made.
        where, options = self._endpoint.address, self._endpoint.options
        if self._endpoint.credentials is None:
            return aio.insecure_channel(where, options)
        return aio.secure_channel(where, self._endpoint.credentials, options)

    async def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        invoke = self._channel.unary_unary(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        try:
            response: ResponseT = await invoke(
                request, timeout=deadline or self._timeout, metadata=self._endpoint.metadata
            )
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        return response

    def _fetch(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> Callable[[str], Awaitable[ResponseT]]:
        return lambda page_token: self._call(rpc, requests.page(request, page_token))

    async def _stream(
        self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None
    ) -> AsyncGenerator[ResponseT, None]:
        invoke = self._channel.unary_stream(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        call = invoke(request, timeout=deadline, metadata=self._endpoint.metadata)
        try:
            async for message in call:
                yield message
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        finally:
            call.cancel()

    async def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> AsyncGenerator[ItemT, None]:
        patience = Patience(self._patience)
        while True:
            try:
                async with aclosing(self._stream(rpc, cursor.open(), remaining())) as messages:
                    async for message in messages:
                        patience.renew()
                        for item in cursor.accept(message):
                            yield item
                for item in cursor.finish():
                    yield item
                return
            except TaskManagerError as error:
                if not is_break(error):
                    raise
                left = remaining()
                delay = patience.after(error)
            await asyncio.sleep(delay if left is None else min(delay, left))
