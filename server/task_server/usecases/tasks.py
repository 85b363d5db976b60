"""Making, reading and removing tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from task_server.domain.clock import Micros
from task_server.domain.errors import InvalidFields, QuotaExceeded, RequestIdReused, TaskEnded, TaskNotFound, Violation
from task_server.domain.event import EventType, Position
from task_server.domain.execution import Execution, ExecutionDetail
from task_server.domain.explanation import Explanation
from task_server.domain.ids import new_id
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller, Owner
from task_server.domain.repeatable import ALWAYS, Repeatable
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.domain.task import Task, TaskDefinition
from task_server.notifier.bell import Topic
from task_server.sealing.given_secrets import NO_SECRETS, GivenSecrets
from task_server.store import events, executions, sealed_secrets, tasks
from task_server.store.database import DuplicateKeyError
from task_server.usecases import auditing, changes, repeating
from task_server.usecases.explaining import Explaining
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.secrets import forget_secrets
from task_server.usecases.stopping import stop_locked
from task_server.usecases.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with its latest execution; `detail` only where everything was asked for."""

    task: Task
    last_execution: Execution | None
    detail: ExecutionDetail | None = None
    #: Where a watcher goes on after this; only for created tasks.
    position: Position | None = None
    #: Why something of it that is due has not begun; only where one task was asked for in full.
    waiting: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """One page of tasks, newest first."""

    views: list[TaskView]
    has_more: bool
    total: int
    #: Where a watcher goes on after this page.
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """How many tasks match, in all and by what they are."""

    total: int
    by_status: dict[str, int]
    by_task_type: dict[str, int]
    by_module: dict[str, int]


def new_execution(task: Task, now: Micros, due_at: Micros, scheduled_for: Micros | None = None) -> Execution:
    """A run of the task, not stored yet."""
    execution_id = new_id()
    return Execution(
        id=execution_id,
        task_id=execution_id,
        parent_task=task.task_id,
        task_name=task.definition.name,
        module=task.definition.module,
        owner=task.owner,
        status=ExecutionStatus.PENDING,
        queue=task.definition.queue,
        concurrency_key=task.definition.concurrency_key,
        action_kind=task.definition.action.kind,
        due_at=due_at,
        deadline_at=task.definition.deadline_at(due_at),
        scheduled_for=scheduled_for,
        created_at=now,
        metadata=task.definition.metadata,
        observed_at=now,
    )


def new_task(owner: Owner, definition: TaskDefinition, now: Micros) -> Task:
    """A task as it will be stored, without an execution yet."""
    schedule = definition.schedule
    due_at = schedule.due_at(now)
    next_run_at = schedule.next_fire(now, 0) if schedule.cron_expression else due_at if due_at > now else None
    return Task(
        task_id=new_id(),
        owner=owner,
        definition=definition,
        status=TaskStatus.PENDING if next_run_at is None else TaskStatus.SCHEDULED,
        next_run_at=next_run_at,
        run_count=0,
        fire_count=0,
        last_execution_id=None,
        created_at=now,
        updated_at=now,
        revision=1,
    )


def first_execution(task: Task, now: Micros) -> Execution | None:
    """The run that is made with a new task; None where it goes by cron."""
    schedule = task.definition.schedule
    return None if schedule.cron_expression else new_execution(task, now, schedule.due_at(now))


def run_once(
    ports: Ports, caller: Caller, task_id: str, request: Repeatable, make: Callable[[Task, Micros], TaskView]
) -> TaskView:
    """Have `make` store an extra execution of a task, which is locked, and announce it; give the task with it.

    The same request is answered with the task as it is, also where it was deleted since, and the execution of then, while that is
    kept. Raises TaskNotFound, and RequestIdReused.
    """
    new: list[Execution] = []

    def work() -> TaskView:
        found = tasks.lock(ports.database, task_id)
        if (before := repeating.made_before(caller, request)) is not None:
            if found is None or not caller.may_see(found.owner.id):
                raise TaskNotFound(task_id)
            return TaskView(task=found, last_execution=executions.get(*before))
        now = ports.database.now()
        view = make(visible(caller, found, task_id), now)
        assert view.last_execution is not None  # noqa: S101 - it was made
        repeating.remember(caller, request, [view.last_execution.id], now)
        new.append(view.last_execution)
        return view

    view = repeating.once(ports.database, request, work)
    ports.announce(*new)
    return view


def insert_new(
    ports: Ports,
    task: Task,
    execution: Execution | None,
    now: Micros,
    request_id: str,
    digest: str,
    secrets: GivenSecrets,
) -> Task:
    """Store a new task with its secrets and the run that is made with it; return it as it is stored."""
    if execution is not None:
        task = replace(task, run_count=1, last_execution_id=execution.id)
    tasks.insert(task, request_id, digest)
    sealed_secrets.put(secrets.sealed_for(task))
    if execution is not None:
        publish_after = ports.publish_after(now, execution.due_at)
        executions.insert(execution, *changes.arguments(task.definition), publish_after)
    events.append(EventType.ADDED, task, execution, now)
    return task


class Tasks:
    """The use cases of tasks."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)
        self._explaining = Explaining(ports)

    def create(
        self,
        caller: Caller,
        definition: TaskDefinition,
        request_id: str = "",
        digest: str = "",
        secrets: GivenSecrets = NO_SECRETS,
    ) -> TaskView:
        """Store a task with its secrets and, unless it goes by cron, its execution; then tell the workers.

        A second call with the same `request_id` and `digest` answers with the first one's task (AIP-155).
        Raises RequestIdReused when the digest differs, and QuotaExceeded.
        """
        try:
            with self._database.write():
                now = self._database.now()
                task = new_task(caller.owner, definition, now)
                if definition.schedule.cron_expression and task.next_run_at is None:
                    # It was checked a moment ago; its last firing has passed since.
                    raise InvalidFields([Violation("task.end_at", "must leave time for at least one firing")])
                self._admit(caller.owner.id, definition)
                execution = first_execution(task, now)
                task = insert_new(self._ports, task, execution, now, request_id, digest, secrets)
                position = events.head(self._database)
                auditing.note(caller, task.task_id, now)
        except (DuplicateKeyError, QuotaExceeded):
            # The same request came before, as it may where the owner has no room now. Requests are new but for a few: to look
            # first would cost all of them a read.
            earlier = self._find_request(caller, request_id, digest) if request_id else None
            if earlier is None:
                raise
            return earlier
        self._ports.announce(*([execution] if execution is not None and execution.due_at <= now else []))
        if task.next_run_at is not None:
            self._ports.bell.ring(Topic.DUE)
        return TaskView(task=task, last_execution=execution, position=position)

    def preview(self, caller: Caller, definition: TaskDefinition) -> TaskView:
        """What `create` would store now; nothing is. Raises QuotaExceeded as it would."""
        with self._database.read():
            now = self._database.now()
            self._admit(caller.owner.id, definition)
        return TaskView(task=new_task(caller.owner, definition, now), last_execution=None)

    def get(self, caller: Caller, task_id: str, *, full: bool) -> TaskView:
        """One task. Raises TaskNotFound when there is none that the caller may see."""
        with self._database.read():
            view = self._view(visible(caller, tasks.get(task_id), task_id), full=full)
            waiting = self._explaining.why_it_waits(view.task, view.last_execution) if full else None
        return replace(view, waiting=waiting) if waiting else view

    def page(self, wanted: TaskFilter, before_id: str, page_size: int, *, full: bool) -> TaskPage:
        """One page of tasks, older than `before_id` (empty: from the newest)."""
        with self._database.read():
            position = events.head(self._database)
            rows = tasks.page(wanted, before_id, page_size + 1)
            shown = rows[:page_size]
            latest = executions.get_many(row.last_execution_id for row in shown if row.last_execution_id)
            views = [
                TaskView(
                    task=row,
                    last_execution=latest.get(row.last_execution_id or ""),
                    detail=executions.detail(row.last_execution_id) if full and row.last_execution_id else None,
                )
                for row in shown
            ]
            return TaskPage(views=views, has_more=len(rows) > page_size, total=tasks.count(wanted), position=position)

    def count(self, wanted: TaskFilter) -> TaskCounts:
        """How many tasks match, by what they are."""
        with self._database.read():
            by_status = tasks.count_by(wanted, "status")
            return TaskCounts(
                total=sum(by_status.values()),
                by_status=by_status,
                by_task_type=tasks.count_by(wanted, "task_type"),
                by_module=tasks.count_by(wanted, "module"),
            )

    def run(self, caller: Caller, task_id: str, request: Repeatable = ALWAYS) -> TaskView:
        """Make one extra execution now; for the same request again none, it is answered with the one of then.

        Raises TaskNotFound, QuotaExceeded, TaskEnded when the task was stopped, and RequestIdReused.
        """

        def make(task: Task, now: Micros) -> TaskView:
            if task.stopped_at is not None:
                raise TaskEnded(task_id)
            self._quota_guard.admit(task.owner.id, queued=1, result_bytes=1)
            execution = new_execution(task, now, now)
            changed = changes.add_execution(task, execution, now, self._ports.publish_after(now, execution.due_at))
            auditing.note(caller, task_id, now, f"execution {execution.id}")
            return TaskView(task=changed or task, last_execution=execution)

        return run_once(self._ports, caller, task_id, request, make)

    def delete(self, caller: Caller, task_id: str) -> list[str]:
        """Stop a task, take it off the lists and remove what it was to do; return the running executions that are being stopped."""
        with self._database.write():
            task = visible(caller, tasks.lock(self._database, task_id), task_id)
            now = self._database.now()
            stopped = stop_locked(task, now)
            gone = stopped.task.changed(now, deleted_at=now)
            forget_secrets(gone)
            tasks.update_state(gone)
            # What runs has taken it already, and nothing will run again.
            tasks.update_definition(replace(gone, definition=gone.definition.emptied()))
            events.append(EventType.DELETED, gone, None, now)
            auditing.note(caller, task_id, now)
        self._ports.announce()
        return stopped.running

    def _admit(self, owner_id: str, definition: TaskDefinition) -> None:
        """Raise QuotaExceeded where the owner may not have one more such task."""
        goes_by_cron = bool(definition.schedule.cron_expression)
        self._quota_guard.admit(
            owner_id, tasks=1, schedules=int(goes_by_cron), queued=int(not goes_by_cron), result_bytes=1
        )
        self._quota_guard.admit_source(owner_id, definition)

    def _find_request(self, caller: Caller, request_id: str, digest: str) -> TaskView | None:
        with self._database.read():
            found = tasks.find_request(caller.owner.id, request_id)
            if found is None:
                return None
            task, earlier_digest = found
            if earlier_digest != digest:
                raise RequestIdReused(request_id)
            return self._view(task, full=False)

    def _view(self, task: Task, *, full: bool) -> TaskView:
        if not task.last_execution_id:
            return TaskView(task=task, last_execution=None)
        return TaskView(
            task=task,
            last_execution=executions.get(task.last_execution_id),
            detail=executions.detail(task.last_execution_id) if full else None,
        )
