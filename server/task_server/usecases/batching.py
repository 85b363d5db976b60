"""Making many tasks at once, all of them or none: one transaction, and so one commit that they wait for."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from task_server.domain.errors import DatabaseUnavailable, InvalidFields, QuotaExceeded, RequestIdReused, Violation
from task_server.domain.execution import Execution
from task_server.domain.owner import Caller
from task_server.domain.task import Task, TaskDefinition
from task_server.notifier.bell import Topic
from task_server.sealing.given_secrets import GivenSecrets
from task_server.store import events, executions, tasks
from task_server.store.database import DuplicateKeyError
from task_server.store.records import definition_bytes
from task_server.usecases import auditing
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.tasks import TaskView, first_execution, insert_new, new_task

#: How often a batch is made anew where other calls with the same request ids come between.
_TRIES = 5


class NewTask(NamedTuple):
    """A task that is wanted."""

    definition: TaskDefinition
    #: Empty for none.
    request_id: str
    digest: str
    secrets: GivenSecrets


class Batching:
    """The use case of making many tasks."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def create(self, caller: Caller, wanted: Sequence[NewTask]) -> list[TaskView]:
        """Store the tasks, and tell the workers; return them in their order.

        One whose `request_id` came before, with the same `digest`, is answered with the task of then. Raises RequestIdReused where
        the digest differs, QuotaExceeded, and InvalidFields where the last firing of one has just passed.
        """
        earlier: dict[str, TaskView] = {}
        for _ in range(_TRIES):
            try:
                return self._create(caller, wanted, earlier)
            except (DuplicateKeyError, QuotaExceeded):
                # As for one task: most are new, so nothing is looked for until it is in the way, or there is no room for it.
                found = self._earlier(caller, wanted)
                if found.keys() == earlier.keys():
                    raise
                earlier = found
        raise DatabaseUnavailable

    def _create(self, caller: Caller, wanted: Sequence[NewTask], earlier: Mapping[str, TaskView]) -> list[TaskView]:
        made: dict[int, tuple[Task, Execution | None]] = {}
        due: list[Execution] = []
        with self._database.write():
            now = self._database.now()
            self._admit(caller.owner.id, wanted, earlier)
            # Of two batches with the same request ids one waits for the other, and never each for the other.
            for index, each in sorted(enumerate(wanted), key=lambda item: item[1].request_id):
                if each.request_id in earlier:
                    continue
                task = new_task(caller.owner, each.definition, now)
                if each.definition.schedule.cron_expression and task.next_run_at is None:
                    field = f"requests[{index}].task.end_at"
                    raise InvalidFields([Violation(field, "must leave time for at least one firing")])
                execution = first_execution(task, now)
                task = insert_new(self._ports, task, execution, now, each.request_id, each.digest, each.secrets)
                auditing.note(caller, task.task_id, now)
                made[index] = task, execution
                if execution is not None and execution.due_at <= now:
                    due.append(execution)
            position = events.head(self._database)
        self._ports.announce(*due)
        self._ports.bell.ring(Topic.DUE)
        views = {
            index: TaskView(task=task, last_execution=execution, position=position)
            for index, (task, execution) in made.items()
        }
        return [views.get(index) or earlier[each.request_id] for index, each in enumerate(wanted)]

    def _admit(self, owner_id: str, wanted: Sequence[NewTask], earlier: Container[str]) -> None:
        """Raise QuotaExceeded where the owner may not have all that are new."""
        new = [each.definition for each in wanted if each.request_id not in earlier]
        schedules = sum(bool(definition.schedule.cron_expression) for definition in new)
        self._quota_guard.admit(
            owner_id,
            tasks=len(new),
            schedules=schedules,
            queued=len(new) - schedules,
            source_bytes=sum(map(definition_bytes, new)),
            result_bytes=min(len(new), 1),
        )

    def _earlier(self, caller: Caller, wanted: Sequence[NewTask]) -> dict[str, TaskView]:
        """By request id, the tasks that earlier calls made."""
        found: dict[str, TaskView] = {}
        with self._database.read():
            for each in wanted:
                before = tasks.find_request(caller.owner.id, each.request_id) if each.request_id else None
                if before is None:
                    continue
                task, digest = before
                if digest != each.digest:
                    raise RequestIdReused(each.request_id)
                latest = executions.get(task.last_execution_id) if task.last_execution_id else None
                found[each.request_id] = TaskView(task=task, last_execution=latest)
        return found
