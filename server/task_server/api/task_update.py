"""UpdateTask, from its request to the updated task: read, merge, check, replace; and again where another update came first."""

from __future__ import annotations

from task_manager.v1 import task_service_pb2
from task_server.api import convert
from task_server.api.task_draft import Draft, Drafts, set_stored_secrets
from task_server.api.threads import Threads
from task_server.api.validation.update import merged
from task_server.api.validation.violations import Violations
from task_server.domain.errors import EtagMismatch
from task_server.domain.owner import Caller
from task_server.domain.task import Task
from task_server.usecases.tasks import TaskView
from task_server.usecases.updating import Updating

#: How often an update is made anew where others of the same task come between its reading and its writing.
_TRIES = 5


class TaskUpdates:
    """Serves UpdateTask."""

    def __init__(self, *, updating: Updating, drafts: Drafts, threads: Threads, checks: Threads) -> None:
        self._updating = updating
        self._drafts = drafts
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
            draft = await self._checks.run(self._draft, base, request)
            view = await self._threads.run(self._updating.update, caller, base, etag, *draft)
            if view is not None:
                return view
        raise EtagMismatch(task_id)

    def _draft(self, base: Task, request: task_service_pb2.UpdateTaskRequest) -> Draft:
        violations = Violations()
        stored = convert.task(base, None, None, full=True)
        set_stored_secrets(stored, base.definition)
        task = merged(stored, request, violations)
        return self._drafts.draft(base.owner.id, task, violations, stored=base.definition)
