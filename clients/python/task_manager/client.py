"""`TaskClient`: the service for programs with threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from copy import copy
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc

from task_manager import requests, rpcs
from task_manager.endpoint import Endpoint
from task_manager.errors import TaskManagerError
from task_manager.execution_calls import ExecutionCalls
from task_manager.lock_calls import LockCalls
from task_manager.pages import Pager
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


class TaskClient(ExecutionCalls, LockCalls):
    """A connection to the service. It may be shared by threads, and connects at the first call.

    Answers are the contract's own messages (`task_manager.v1`); `task_manager.to_python` turns their JSON values into plain
    Python. Every method raises a `TaskManagerError`, one class per reason (see `task_manager.errors`).

    Args:
        address: a gRPC target. Default: TASK_MANAGER_ADDRESS of the environment, else 127.0.0.1:50051.
        token: who calls. Default: TASK_MANAGER_TOKEN of the environment. "" for none.
        ca_file: PEM, the authorities that the server is trusted by. Default: TASK_MANAGER_CA_FILE of the environment, else
            those that gRPC brings. Giving any of these files means TLS, on this machine too.
        cert_file: PEM, the caller's certificate for a server that asks for one. Default: TASK_MANAGER_CERT_FILE.
        key_file: its key. Default: TASK_MANAGER_KEY_FILE.
        credentials: for TLS, in place of the files.
        insecure: lets the token and all data go in plain text to another machine. Without it and without `credentials` or
            files, plain text goes to loopback addresses and Unix sockets only, and TLS is used elsewhere.
        timeout: seconds that one call may take. Streams have no such limit.
        patience: seconds that `watch`, `wait` and `logs` keep trying to reach a server that is away, `math.inf` for ever.

    Raises:
        ValueError: the arguments contradict one another, or the address or token can not be one.
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
        where, options = self._endpoint.address, self._endpoint.options
        self._channel = (
            grpc.insecure_channel(where, options)
            if self._endpoint.credentials is None
            else grpc.secure_channel(where, self._endpoint.credentials, options)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection. Calls and streams that are still open fail with the code CANCELLED."""
        self._channel.close()

    def within(self, timeout: float) -> Self:
        """The same connection, with `timeout` as the seconds that one call may take. Closing either closes both."""
        twin = copy(self)
        twin._timeout = timeout
        return twin

    def create_task(
        self,
        name: str,
        *,
        request_id: str | None = None,
        validate_only: bool = False,
        **fields: Unpack[requests.TaskFields],
    ) -> Task:
        """Makes a task; when this returns, it is stored and will run.

        Args:
            name: what people call it.
            request_id: repeating a call with the same id and fields answers with the first call's task. Default: a fresh
                one, which lets a call that broke be repeated safely.
            validate_only: checks everything and stores nothing.
            **fields: the other fields of `Task`; see `requests.TaskFields`.

        Raises:
            ValueError: fields that exclude one another, a time without zone, or a number that JSON can not carry.
            TypeError: an unknown field, or a value of a wrong type.
            TaskManagerError: `InvalidFields` with all wrong fields, and what every call may raise.
        """
        request = requests.create_task(name, fields, request_id=request_id, validate_only=validate_only)
        return self._call(rpcs.CREATE_TASK, request)

    def batch_create_tasks(self, tasks: Iterable[CreateTaskRequest]) -> list[Task]:
        """Makes up to 1,000 tasks, all or none, and gives them in the same order. `requests.create_task` makes a request.

        Each without a `request_id` gets a fresh one, which lets a call that broke be repeated safely.
        """
        return list(self._call(rpcs.BATCH_CREATE_TASKS, requests.batch_create_tasks(tasks)).tasks)

    def get(self, task_id: str, *, view: View | str | None = None) -> Task:
        """Reads one task, in its FULL view unless said otherwise. Raises `TaskNotFound`."""
        return self._call(rpcs.GET_TASK, GetTaskRequest(task_id=task_id, view=view))

    def list(self, **fields: Unpack[requests.ListFields]) -> Pager[ListTasksResponse, Task]:
        """The tasks that match, newest first, in their BASIC view unless said otherwise."""
        request = requests.fill(ListTasksRequest(), fields, requests.ListFields)
        return Pager(self._fetch(rpcs.LIST_TASKS, request), lambda page: page.tasks)

    def list_scheduled(self, **fields: Unpack[requests.ScheduledFields]) -> Pager[ListScheduledTasksResponse, Task]:
        """The cron tasks that match, newest first, in their BASIC view unless said otherwise."""
        request = requests.fill(ListScheduledTasksRequest(), fields, requests.ScheduledFields)
        return Pager(self._fetch(rpcs.LIST_SCHEDULED_TASKS, request), lambda page: page.tasks)

    def update_task(
        self, task_id: str, *, etag: str = "", clear: Sequence[str] = (), **fields: Unpack[requests.UpdateFields]
    ) -> Task:
        """Changes a task: a new schedule holds at once, what waits runs as the task is then, what runs goes on as it began.

        Args:
            task_id: the task.
            etag: that of the task as it was read: nothing is changed if it has another one now. Empty changes it as it is.
            clear: names of fields to empty, as `module`, or of what is within one, as `metadata.key`.
            **fields: the fields to set; see `requests.UpdateFields`.

        Raises:
            ValueError: nothing to change, or as for `create_task`; so too TypeError.
            TaskManagerError: `EtagMismatch`, `TaskStarted` where the time of its one run can not be changed any more,
                `TaskEnded`, `InvalidFields`, and what every call may raise.
        """
        return self._call(rpcs.UPDATE_TASK, requests.update_task(task_id, fields, etag=etag, clear=clear))

    def stop(self, task_id: str) -> StopTaskResponse:
        """Ends waiting and running executions and all future firings; the answer says what really happened."""
        return self._call(rpcs.STOP_TASK, StopTaskRequest(task_id=task_id))

    def stop_tasks(self, *, validate_only: bool = False, **fields: Unpack[requests.StatsFields]) -> int:
        """Stops all tasks that match and have not ended, and gives how many; `validate_only` only counts them.

        At least one field is needed; `my_tasks=True` means all of the caller's. Does not wait until their processes have
        ended. Where the call breaks, some may be stopped; another one goes on with the rest.
        """
        return self._call(rpcs.STOP_TASKS, requests.stop_tasks(fields, validate_only=validate_only)).count

    def delete(self, task_id: str) -> None:
        """Stops a task and removes it from lists. Its executions stay queryable. Raises `TaskNotFound`."""
        self._call(rpcs.DELETE_TASK, DeleteTaskRequest(task_id=task_id))

    def run(self, task_id: str, *, rerun_of: str = "") -> Task:
        """Makes one extra execution now. Not repeated by itself when the connection breaks. Raises `TaskEnded`.

        Args:
            task_id: the task.
            rerun_of: the `id` of an execution of this task, whose arguments the new one has. Empty: it has the task's.
        """
        return self._call(rpcs.RUN_TASK, RunTaskRequest(task_id=task_id, rerun_of=rerun_of))

    def rerun_executions(
        self,
        ids: Sequence[str] = (),
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        validate_only: bool = False,
        created_by: str = "",
        my_tasks: bool | None = None,
    ) -> RerunExecutionsResponse:
        """Runs past executions again with their own arguments, all of them or none. A connection that breaks does not repeat it.

        Args:
            ids: the executions, 1 to 1,000. Or:
            filter: those of them that match and have ended, 1,000 at most. `list_executions` takes the same expressions.
            validate_only: only counts them.
            created_by: with `filter`, whose executions. Default: the caller's.
            my_tasks: with `filter`, False means everybody's.

        Raises:
            ExecutionNotFound, ExecutionForeign, TaskEnded: one of those with these ids can not be run again.
        """
        return self._call(
            rpcs.RERUN_EXECUTIONS,
            RerunExecutionsRequest(
                ids=ids, filter=filter, validate_only=validate_only, created_by=created_by, my_tasks=my_tasks
            ),
        )

    def pause(self, task_id: str) -> Task:
        """Holds a task: it does not fire, and what waits does not begin, until `resume`. Raises `TaskEnded`."""
        return self._call(rpcs.PAUSE_TASK, PauseTaskRequest(task_id=task_id))

    def resume(self, task_id: str) -> Task:
        """Lets a held task fire again. One that is not held stays as it is."""
        return self._call(rpcs.RESUME_TASK, ResumeTaskRequest(task_id=task_id))

    def sync(self, task_id: str) -> Task:
        """Gives on at once the runs of a task whose worker is lost, and reads the task. Raises `TaskNotFound`."""
        return self._call(rpcs.SYNC_TASK, SyncTaskRequest(task_id=task_id))

    def preview_schedule(
        self, cron_expression: str, *, time_zone: str = "", count: int = 10, after: datetime | None = None
    ) -> PreviewScheduleResponse:
        """When a cron expression would fire, on the zone's clock too, and what it means in words. Stores nothing.

        Args:
            cron_expression: as `create_task` takes it.
            time_zone: as `create_task` takes it; empty means UTC.
            count: how many fire times, 1 to 100.
            after: fire times after this time. None means now.

        Raises:
            ValueError: `after` has no time zone.
        """
        request = requests.preview_schedule(cron_expression, time_zone=time_zone, count=count, after=after)
        return self._call(rpcs.PREVIEW_SCHEDULE, request)

    def explain(self, task_id: str) -> ExplainTaskResponse:
        """Why a task does or does not run: the cause, since when, and what would change it. Raises `TaskNotFound`."""
        return self._call(rpcs.EXPLAIN_TASK, ExplainTaskRequest(task_id=task_id))

    def system_status(self) -> SystemStatus:
        """What runs: processes with what they may run, queues and versions. For admins."""
        return self._call(rpcs.GET_SYSTEM_STATUS, GetSystemStatusRequest())

    def create_token(
        self,
        user_id: str,
        role: str,
        *,
        username: str = "",
        grants: Sequence[str] = (),
        name: str = "",
        expires_at: datetime | None = None,
    ) -> CreateTokenResponse:
        """Makes a token; its `key` is shown this once. For admins.

        Args:
            user_id: whose rows its caller makes and sees.
            role: "viewer", "operator", "editor" or "admin".
            username: the user's name. Default: the id.
            grants: what no role allows by itself, as "code:create". Default: those of the role; "none" alone means none.
            name: what you call the token.
            expires_at: when it stops working. None means never.
        """
        request = requests.create_token(
            user_id, role, username=username, grants=grants, name=name, expires_at=expires_at
        )
        return self._call(rpcs.CREATE_TOKEN, request)

    def list_tokens(self, page_size: int = 0) -> Pager[ListTokensResponse, Token]:
        """All tokens, newest first, without their secrets. For admins."""
        return Pager(self._fetch(rpcs.LIST_TOKENS, ListTokensRequest(page_size=page_size)), lambda page: page.tokens)

    def revoke_token(self, token_id: str) -> Token:
        """Ends a token, by its `id`: within 5 s it is refused, and its open watches end. For admins. Raises `TokenNotFound`."""
        return self._call(rpcs.REVOKE_TOKEN, RevokeTokenRequest(id=token_id)).token

    def stats(self, **fields: Unpack[requests.StatsFields]) -> TaskStats:
        """Counts the tasks that match."""
        return self._call(rpcs.GET_TASK_STATS, requests.fill(GetTaskStatsRequest(), fields, requests.StatsFields))

    def watch(
        self,
        task_id: str = "",
        *,
        until_terminal: bool = False,
        watch_token: str = "",
        **fields: Unpack[requests.WatchFields],
    ) -> Generator[TaskEvent, None, None]:
        """Changes as they happen, BOOKMARKs included. Each comes once and none is left out, also when the connection breaks.

        Without a token the present state comes first, as ADDED events and a BOOKMARK. The watch begins with the first
        `next`, and ends when the iterator is closed, or with `until_terminal` when the task is final.

        Args:
            task_id: only this task. Needed by `until_terminal`.
            until_terminal: end when the task has a final status.
            watch_token: where to go on, from a list's page, a created task or an earlier event.
            **fields: which tasks; see `requests.WatchFields`.

        Raises:
            WatchTokenExpired: list again, and watch from there.
            Unavailable: the server was away for longer than `patience`.
        """
        request = WatchTasksRequest(task_id=task_id, until_terminal=until_terminal, watch_token=watch_token)
        request = requests.fill(request, fields, requests.WatchFields)
        return self._resume(rpcs.WATCH_TASKS, WatchCursor(request))

    def wait(self, task_id: str, timeout: float | None = None) -> TaskExecution:
        """Waits until a task is final and gives its last execution, in the FULL view, whether it succeeded or not.

        Args:
            task_id: the task. A cron task is final after its last firing.
            timeout: seconds to wait at most. None means as long as it takes.

        Raises:
            WaitTimeout: the task was not final in time. It is a `TimeoutError` too.
            TaskNeverEnds: a cron task without `max_runs` and `end_at`, which has no last firing.
            TaskNeverRan: the task was stopped before its time came.
            TaskNotFound: there is no such task, or it was deleted meanwhile.
        """
        waiting = Waiting(task_id, timeout)
        request = WatchTasksRequest(task_id=task_id, until_terminal=True)
        while True:
            with closing(self._resume(rpcs.WATCH_TASKS, WatchCursor(request), waiting.remaining)) as events:
                any(map(waiting.is_over, events))
            with waiting.reading(self._timeout) as seconds:
                task = self._call(rpcs.GET_TASK, GetTaskRequest(task_id=task_id), seconds)
            # None when somebody ran the task again between the two.
            if (execution := waiting.execution(task)) is not None:
                return execution

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

    def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        invoke = self._channel.unary_unary(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        try:
            response: ResponseT = invoke(request, timeout=deadline or self._timeout, metadata=self._endpoint.metadata)
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        return response

    def _fetch(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> Callable[[str], ResponseT]:
        return lambda page_token: self._call(rpc, requests.page(request, page_token))

    def _stream(
        self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None
    ) -> Generator[ResponseT, None, None]:
        invoke = self._channel.unary_stream(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        call = invoke(request, timeout=deadline, metadata=self._endpoint.metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        finally:
            call.cancel()  # type: ignore[no-untyped-call]  # grpc-stubs left it out

    def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> Generator[ItemT, None, None]:
        patience = Patience(self._patience)
        while True:
            try:
                with closing(self._stream(rpc, cursor.open(), remaining())) as messages:
                    for message in messages:
                        patience.renew()
                        yield from cursor.accept(message)
                yield from cursor.finish()
                return
            except TaskManagerError as error:
                if not is_break(error):
                    raise
                left = remaining()
                delay = patience.after(error)
            time.sleep(delay if left is None else min(delay, left))
