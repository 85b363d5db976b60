"""TaskService: validate, use case, convert."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from google.protobuf import empty_pb2

from task_manager.v1 import event_pb2, task_pb2, task_service_pb2
from task_server.api import convert
from task_server.api.action_grants import require_to_create, require_to_update
from task_server.api.interceptors.authentication import current_caller
from task_server.api.request_digest import RequestDigests
from task_server.api.schedule_preview import preview, set_upcoming
from task_server.api.searches import Searches
from task_server.api.stop_answer import stop_answer
from task_server.api.stop_wait import await_ends
from task_server.api.task_batch import TaskBatches
from task_server.api.task_draft import Draft, Drafts
from task_server.api.task_update import TaskUpdates
from task_server.api.threads import Threads
from task_server.api.validation import listing
from task_server.api.validation.request_id import check_request_id
from task_server.api.validation.task_filter import given_my_tasks, stop_filter, task_filter
from task_server.api.validation.violations import Violations
from task_server.api.watch import Watchers
from task_server.api.watch_stream import WatchRequest, WatchStream, WatchTokens
from task_server.domain.clock import Micros
from task_server.domain.errors import TaskNotFound
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.schedule import TaskType
from task_server.domain.task import TaskDefinition
from task_server.usecases.explaining import Explaining
from task_server.usecases.pausing import Pausing
from task_server.usecases.rerunning import Rerunning
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.stopping import Stopped, Stopping
from task_server.usecases.tasks import Tasks, TaskView
from task_server.usecases.visibility import owner_scope

#: A list's answer.
Response = TypeVar("Response")


class TaskService:
    """The RPCs of TaskService that are served; the rest answer UNIMPLEMENTED."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        explaining: Explaining,
        stopping: Stopping,
        pausing: Pausing,
        rerunning: Rerunning,
        rescuing: Rescuing,
        updates: TaskUpdates,
        batches: TaskBatches,
        drafts: Drafts,
        digests: RequestDigests,
        watch: WatchStream,
        watchers: Watchers,
        watch_tokens: WatchTokens,
        page_tokens: listing.PageTokens,
        threads: Threads,
        searches: Searches,
        checks: Threads,
        stop_wait_seconds: float,
    ) -> None:
        self._tasks = tasks
        self._explaining = explaining
        self._stopping = stopping
        self._pausing = pausing
        self._rerunning = rerunning
        self._rescuing = rescuing
        self._updates = updates
        self._batches = batches
        self._drafts = drafts
        self._digests = digests
        self._watch = watch
        self._watchers = watchers
        self._watch_tokens = watch_tokens
        self._page_tokens = page_tokens
        self._threads = threads
        self._searches = searches
        # Checking code may take seconds: nobody who only needs the database waits for that.
        self._checks = checks
        self._stop_wait_seconds = stop_wait_seconds

    async def CreateTask(  # noqa: N802
        self, request: task_service_pb2.CreateTaskRequest, _: Any
    ) -> task_pb2.Task:
        """Make a task."""
        return await self._create(request, needs_cron=False)

    async def BatchCreateTasks(  # noqa: N802
        self, request: task_service_pb2.BatchCreateTasksRequest, _: Any
    ) -> task_service_pb2.BatchCreateTasksResponse:
        """Make many tasks, all or none."""
        caller = current_caller.get()
        require_to_create(caller, *(each.task for each in request.requests))
        views = await self._batches.create(caller, request)
        return task_service_pb2.BatchCreateTasksResponse(tasks=[self._created(view) for view in views])

    async def CreateScheduledTask(  # noqa: N802
        self, request: task_service_pb2.CreateScheduledTaskRequest, _: Any
    ) -> task_pb2.Task:
        """Make a task that goes by cron."""
        return await self._create(request, needs_cron=True)

    async def GetTask(self, request: task_service_pb2.GetTaskRequest, _: Any) -> task_pb2.Task:  # noqa: N802
        """Read a task."""
        violations = Violations()
        full = listing.check_view(request.view, task_pb2.FULL, violations)
        task_id = _required(request.task_id, violations)
        view = await self._threads.run(self._tasks.get, current_caller.get(), task_id, full=full)
        return _task(view, full=full)

    async def ExplainTask(  # noqa: N802
        self, request: task_service_pb2.ExplainTaskRequest, _: Any
    ) -> task_service_pb2.ExplainTaskResponse:
        """Say why a task does or does not run."""
        task_id = _required(request.task_id, Violations())
        return convert.explanation(await self._threads.run(self._explaining.explain, current_caller.get(), task_id))

    async def ListTasks(  # noqa: N802
        self, request: task_service_pb2.ListTasksRequest, _: Any
    ) -> task_service_pb2.ListTasksResponse:
        """List tasks."""
        violations = Violations()
        task_type = listing.check_task_type(request.task_type, violations)
        return await self._list(request, task_type, task_service_pb2.ListTasksResponse, violations, request.filter)

    async def ListScheduledTasks(  # noqa: N802
        self, request: task_service_pb2.ListScheduledTasksRequest, _: Any
    ) -> task_service_pb2.ListScheduledTasksResponse:
        """List tasks that go by cron."""
        return await self._list(request, TaskType.SCHEDULED, task_service_pb2.ListScheduledTasksResponse, Violations())

    async def UpdateTask(  # noqa: N802
        self, request: task_service_pb2.UpdateTaskRequest, _: Any
    ) -> task_pb2.Task:
        """Change a task."""
        require_to_update(current_caller.get(), request)
        return _task(await self._updates.update(current_caller.get(), request), full=True)

    async def StopTask(  # noqa: N802
        self, request: task_service_pb2.StopTaskRequest, _: Any
    ) -> task_service_pb2.StopTaskResponse:
        """Stop a task, and say what really happened."""
        caller = current_caller.get()
        task_id = _required(request.task_id, Violations())
        async with self._watchers.subscribed() as subscription:
            stopped = await self._threads.run(self._stopping.stop, caller, task_id)
            await await_ends(
                subscription,
                stopped.running,
                self._stop_wait_seconds,
                lambda ids: self._threads.run(self._stopping.outcomes, ids),
            )
        return await self._stop_response(caller, task_id, stopped)

    async def StopTasks(  # noqa: N802
        self, request: task_service_pb2.StopTasksRequest, _: Any
    ) -> task_service_pb2.StopTasksResponse:
        """Stop all tasks that match a filter."""
        violations = Violations()
        caller = current_caller.get()
        wanted = stop_filter(request, caller, violations)
        violations.raise_any()
        if request.validate_only:
            return task_service_pb2.StopTasksResponse(
                count=await self._searches.of(wanted).run(self._stopping.count, wanted)
            )
        count, after_id, last_id = 0, "", await self._threads.run(self._stopping.newest_id)
        while True:
            some = await self._searches.of(wanted).run(self._stopping.stop_some, caller, wanted, after_id, last_id)
            count, after_id = count + some.stopped, some.last_id
            if not after_id:
                return task_service_pb2.StopTasksResponse(count=count)

    async def DeleteTask(  # noqa: N802
        self, request: task_service_pb2.DeleteTaskRequest, _: Any
    ) -> empty_pb2.Empty:
        """Stop and remove a task."""
        task_id = _required(request.task_id, Violations())
        running = await self._threads.run(self._tasks.delete, current_caller.get(), task_id)
        self._stopping.tell(running)
        return empty_pb2.Empty()

    async def RunTask(self, request: task_service_pb2.RunTaskRequest, _: Any) -> task_pb2.Task:  # noqa: N802
        """Make one extra execution."""
        violations = Violations()
        check_request_id(request, violations)
        task_id = _required(request.task_id, violations)
        caller, repeatable = current_caller.get(), self._digests.repeatable(request)
        if request.rerun_of:
            view = await self._threads.run(self._rerunning.rerun_of_task, caller, task_id, request.rerun_of, repeatable)
        else:
            view = await self._threads.run(self._tasks.run, caller, task_id, repeatable)
        return _task(view, full=True)

    async def PauseTask(self, request: task_service_pb2.PauseTaskRequest, _: Any) -> task_pb2.Task:  # noqa: N802
        """Hold a task."""
        task_id = _required(request.task_id, Violations())
        return _task(await self._threads.run(self._pausing.pause, current_caller.get(), task_id), full=True)

    async def ResumeTask(self, request: task_service_pb2.ResumeTaskRequest, _: Any) -> task_pb2.Task:  # noqa: N802
        """Let a held task go on."""
        task_id = _required(request.task_id, Violations())
        return _task(await self._threads.run(self._pausing.resume, current_caller.get(), task_id), full=True)

    async def SyncTask(self, request: task_service_pb2.SyncTaskRequest, _: Any) -> task_pb2.Task:  # noqa: N802
        """Take the task's runs from workers that are gone, without waiting for a scheduler to do so."""
        task_id = _required(request.task_id, Violations())
        caller = current_caller.get()
        await self._threads.run(self._rescuing.rescue_of_task, caller, task_id)
        return _task(await self._threads.run(self._tasks.get, caller, task_id, full=True), full=True)

    async def PreviewSchedule(  # noqa: N802
        self, request: task_service_pb2.PreviewScheduleRequest, _: Any
    ) -> task_service_pb2.PreviewScheduleResponse:
        """Say when an expression would fire."""
        return await self._checks.run(preview, request, _now())

    async def GetTaskStats(  # noqa: N802
        self, request: task_service_pb2.GetTaskStatsRequest, _: Any
    ) -> task_service_pb2.TaskStats:
        """Count tasks."""
        violations = Violations()
        task_type = listing.check_task_type(request.task_type, violations)
        wanted = task_filter(request, current_caller.get(), task_type, violations, request.filter)
        violations.raise_any()
        counts = await self._searches.of(wanted).run(self._tasks.count, wanted)
        return task_service_pb2.TaskStats(
            total=counts.total,
            by_status=counts.by_status,
            by_task_type=counts.by_task_type,
            by_module=counts.by_module,
        )

    async def WatchTasks(  # noqa: N802
        self, request: task_service_pb2.WatchTasksRequest, _: Any
    ) -> AsyncIterator[event_pb2.TaskEvent]:
        """Stream changes."""
        violations = Violations()
        if request.until_terminal and not request.task_id:
            violations.add("until_terminal", "needs task_id: the task whose end ends the stream")
        caller = current_caller.get()
        owner_id = owner_scope(caller, request.created_by, given_my_tasks(request))
        violations.raise_any()
        asked = WatchRequest(
            caller=caller,
            task_id=request.task_id,
            wanted=TaskFilter(owner_id=owner_id, module=request.module, name=request.name),
            since=self._watch_tokens.position(request.watch_token) if request.watch_token else None,
            until_terminal=request.until_terminal,
        )
        async for message in self._watch.events(asked):
            yield message

    async def _create(
        self,
        request: task_service_pb2.CreateTaskRequest | task_service_pb2.CreateScheduledTaskRequest,
        *,
        needs_cron: bool,
    ) -> task_pb2.Task:
        caller = current_caller.get()
        require_to_create(caller, request.task)
        draft = await self._checks.run(self._draft, caller, request, needs_cron)
        return await self._threads.run(self._store, caller, request, draft)

    def _draft(
        self,
        caller: Caller,
        request: task_service_pb2.CreateTaskRequest | task_service_pb2.CreateScheduledTaskRequest,
        needs_cron: bool,
    ) -> Draft:
        violations = Violations()
        check_request_id(request, violations)
        return self._drafts.draft(caller.owner.id, request.task, violations, needs_cron=needs_cron)

    def _store(
        self,
        caller: Caller,
        request: task_service_pb2.CreateTaskRequest | task_service_pb2.CreateScheduledTaskRequest,
        draft: Draft,
    ) -> task_pb2.Task:
        if request.validate_only:
            return self._preview(caller, draft.definition)
        digest = self._digests.of(request.task)
        return self._created(self._tasks.create(caller, draft.definition, request.request_id, digest, draft.secrets))

    def _created(self, view: TaskView) -> task_pb2.Task:
        message = _task(view, full=True)
        if view.position is not None:
            message.watch_token = self._watch_tokens.token(view.position)
        return message

    def _preview(self, caller: Caller, definition: TaskDefinition) -> task_pb2.Task:
        view = self._tasks.preview(caller, definition)
        message = _task(view, full=True)
        message.ClearField("task_id")
        set_upcoming(message, definition.schedule, view.task.created_at)
        return message

    async def _list(
        self,
        request: Any,
        task_type: TaskType | None,
        response: Callable[..., Response],
        violations: Violations,
        expression: str = "",
    ) -> Response:
        caller = current_caller.get()
        wanted = task_filter(request, caller, task_type, violations, expression)
        full = listing.check_view(request.view, task_pb2.BASIC, violations)
        size = listing.check_page_size(request.page_size, violations, full=full)
        violations.raise_any()
        before_id = self._page_tokens.last_id(request, request.page_token, caller)
        page = await self._searches.of(wanted).run(self._tasks.page, wanted, before_id, size, full=full)
        last_id = page.views[-1].task.task_id if page.has_more else ""
        return response(
            tasks=[_task(view, full=full) for view in page.views],
            next_page_token=self._page_tokens.next_token(request, caller, last_id) if last_id else "",
            total_size=page.total,
            watch_token=self._watch_tokens.token(page.position),
        )

    async def _stop_response(self, caller: Caller, task_id: str, stopped: Stopped) -> task_service_pb2.StopTaskResponse:
        ended = await self._threads.run(self._stopping.outcomes, stopped.running)
        try:
            view = await self._threads.run(self._tasks.get, caller, task_id, full=False)
        except TaskNotFound:  # deleted meanwhile; it was stopped all the same
            view = TaskView(task=stopped.task, last_execution=None)
        return stop_answer(_task(view, full=False), stopped, ended)


def _now() -> Micros:
    return time.time_ns() // 1000


def _task(view: TaskView, *, full: bool) -> task_pb2.Task:
    message = convert.task(view.task, view.last_execution, view.detail, full=full)
    if view.waiting is not None:
        message.waiting.CopyFrom(convert.waiting(view.waiting))
    return message


def _required(task_id: str, violations: Violations) -> str:
    if not task_id:
        violations.add("task_id", "is required")
    violations.raise_any()
    return task_id
