"""What `TaskClient` says and asks about tasks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Unpack

from task_manager import requests, rpcs
from task_manager.calls import Calls
from task_manager.pages import Pager
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


class TaskCalls(Calls):
    """The part of `TaskClient` for tasks: what is to run, when, and what became of it."""

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

    def run(self, task_id: str, *, rerun_of: str = "", request_id: str | None = None) -> Task:
        """Makes one extra execution now. Raises `TaskEnded`.

        Args:
            task_id: the task.
            rerun_of: the `id` of an execution of this task, whose arguments the new one has. Empty: it has the task's.
            request_id: repeating a call with the same id and fields makes no other execution and answers with the first
                call's. Default: a fresh one, which lets a call that broke be repeated safely.
        """
        request_id = requests.identified(request_id)
        return self._call(rpcs.RUN_TASK, RunTaskRequest(task_id=task_id, rerun_of=rerun_of, request_id=request_id))

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
