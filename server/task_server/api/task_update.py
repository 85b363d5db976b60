"""UpdateTask, from its request to the updated task: read, merge, check, replace; and again where another update came first."""

from __future__ import annotations

import time

from task_manager.v1 import task_service_pb2
from task_server.api import convert
from task_server.api.threads import Threads
from task_server.api.validation.task import TaskValidator
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.domain.errors import CheckerUnavailable, EtagMismatch
from task_server.domain.owner import Caller
from task_server.domain.task import Task, TaskDefinition
from task_server.sandbox.ending import SandboxUnavailable
from task_server.usecases.tasks import TaskView
from task_server.usecases.updating import Updating

#: How often an update is made anew where others of the same task come between its reading and its writing.
_TRIES = 5


class TaskUpdates:
    """Serves UpdateTask."""

    def __init__(self, *, updating: Updating, validator: TaskValidator, threads: Threads, checks: Threads) -> None:
        self._updating = updating
        self._validator = validator
        self._threads = threads
        self._checks = checks

    async def update(self, caller: Caller, request: task_service_pb2.UpdateTaskRequest) -> TaskView:
        """The task as it is after the update. Raises InvalidFields, EtagMismatch and what `Updating` raises."""
        task_id, etag = request.task.task_id, request.task.etag
        violations = Violations()
        if not task_id:
            violations.add("task.task_id", "is required")
        violations.raise_any()
        for _ in range(_TRIES):
            base = await self._threads.run(self._updating.read, caller, task_id, etag)
            definition = await self._checks.run(self._definition, base, request)
            view = await self._threads.run(self._updating.update, caller, base, etag, definition)
            if view is not None:
                return view
        raise EtagMismatch(task_id)

    def _definition(self, base: Task, request: task_service_pb2.UpdateTaskRequest) -> TaskDefinition:
        violations = Violations()
        task = merged(convert.task(base, None, None, full=True), request, violations)
        schedule = base.definition.schedule
        try:
            return self._validator.validate(task, time.time_ns() // 1000, violations, stored=schedule)
        except SandboxUnavailable as error:
            raise CheckerUnavailable from error
