"""BatchCreateTasks, from its request to the tasks: check each, say of all what is wrong, store them at once."""

from __future__ import annotations

from task_manager.v1 import task_service_pb2
from task_server.api.request_digest import RequestDigests
from task_server.api.task_draft import Drafts
from task_server.api.threads import Threads
from task_server.api.validation.request_id import check_request_id
from task_server.api.validation.violations import Violations
from task_server.domain.errors import InvalidFields, Violation
from task_server.domain.owner import Caller
from task_server.usecases.batching import Batching, NewTask
from task_server.usecases.tasks import TaskView

_MOST_TASKS = 1000


class TaskBatches:
    """Serves BatchCreateTasks."""

    def __init__(
        self, *, batching: Batching, drafts: Drafts, digests: RequestDigests, threads: Threads, checks: Threads
    ) -> None:
        self._batching = batching
        self._drafts = drafts
        self._digests = digests
        self._threads = threads
        self._checks = checks

    async def create(self, caller: Caller, request: task_service_pb2.BatchCreateTasksRequest) -> list[TaskView]:
        """The tasks, in the order of the requests. Raises InvalidFields and what `Batching` raises."""
        violations = Violations()
        if not 1 <= len(request.requests) <= _MOST_TASKS:
            violations.add("requests", f"must have 1 to {_MOST_TASKS:,} tasks, not {len(request.requests):,}")
        violations.raise_any()
        wanted: list[NewTask] = []
        wrong: list[Violation] = []
        seen: set[str] = set()
        for index, each in enumerate(request.requests):
            try:
                # One by one, so that those who wait for a thread that checks have their turn.
                wanted.append(await self._checks.run(self._new_task, caller.owner.id, each, each.request_id in seen))
            except InvalidFields as error:
                path = f"requests[{index}]"
                wrong += [Violation(f"{path}.{found.field}", found.description) for found in error.violations]
            if each.request_id:
                seen.add(each.request_id)
        if wrong:
            raise InvalidFields(wrong)
        return await self._threads.run(self._batching.create, caller, wanted)

    def _new_task(self, owner_id: str, request: task_service_pb2.CreateTaskRequest, is_second: bool) -> NewTask:
        violations = Violations()
        check_request_id(request, violations)
        if is_second:
            violations.add("request_id", "is there a second time; give each task its own")
        if request.validate_only:
            violations.add("validate_only", "is for one task at a time; leave it out")
        draft = self._drafts.draft(owner_id, request.task, violations)
        return NewTask(draft.definition, request.request_id, self._digests.of(request.task), draft.secrets)
