"""Updating: what a task is to do is replaced, at once and as a whole."""

from __future__ import annotations

import json
from dataclasses import replace

from task_server.domain.clock import Micros
from task_server.domain.errors import EtagMismatch, InvalidFields, TaskEnded, TaskStarted, Violation
from task_server.domain.event import Names
from task_server.domain.execution import Execution
from task_server.domain.misfire import left_out
from task_server.domain.owner import Caller
from task_server.domain.schedule import Schedule
from task_server.domain.task import Task, TaskDefinition
from task_server.notifier.bell import Topic
from task_server.sealing.given_secrets import NO_SECRETS, GivenSecrets
from task_server.store import executions, tasks
from task_server.store.records import dump_definition
from task_server.usecases import auditing, changes, holding
from task_server.usecases.changes import Move
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.redefining import is_own_run, redefined
from task_server.usecases.secrets import replace_secrets
from task_server.usecases.tasks import TaskView
from task_server.usecases.visibility import visible


class Updating:
    """The use cases of updating: read a task, make its new definition outside of any lock, and put it in that one's place."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def read(self, caller: Caller, task_id: str, etag: str) -> Task:
        """The task as it is. Raises TaskNotFound, TaskEnded, and EtagMismatch where `etag` is neither empty nor its own."""
        with self._database.read():
            return _changeable(visible(caller, tasks.get(task_id), task_id), etag)

    def update(
        self,
        caller: Caller,
        base: Task,
        etag: str,
        definition: TaskDefinition,
        secrets: GivenSecrets = NO_SECRETS,
    ) -> TaskView | None:
        """Replace the definition of `base`, from which `definition` was made. None where another has taken its place since.

        A new schedule holds from now on: what was due by the old one and not made yet counts as missed. What waits takes
        over the new definition; what runs goes on. `secrets` take the places of those that have their names; what the new
        definition has not is removed. One that says the same changes nothing, the etag included.

        Raises TaskNotFound, TaskEnded and EtagMismatch as `read` does; TaskStarted where the time of a run that has begun
        would change; InvalidFields where a task would change between cron and a single run, or never fire again;
        QuotaExceeded where the new definition is larger than the old one by more than there is room for.
        """
        with self._database.write():
            task = _changeable(visible(caller, tasks.lock(self._database, base.task_id), base.task_id), etag)
            now = self._database.now()
            if not _same(task.definition, base.definition):
                return None
            due: list[Execution] = []
            is_new = not _same(definition, base.definition)
            if is_new:
                self._quota_guard.admit_source(task.owner.id, definition, task.definition)
                replace_secrets(task, definition, secrets)
                task, due = self._replace(task, definition, now)
                auditing.note(caller, task.task_id, now, _changed_fields(base.definition, definition))
            latest = executions.get(task.last_execution_id) if task.last_execution_id else None
            detail = executions.detail(latest.id) if latest else None
        if is_new:
            self._ports.announce(*due)
            # The scheduler may sleep until a time that has become another.
            self._ports.bell.ring(Topic.DUE)
        return TaskView(task=task, last_execution=latest, detail=detail)

    def _replace(self, task: Task, definition: TaskDefinition, now: Micros) -> tuple[Task, list[Execution]]:
        """Store a locked task's new definition; return the task, and what may be published now."""
        before = task.definition
        waiting = [run for run in executions.unfinished(task.task_id) if run.status.is_waiting]
        next_run_at, due_at = _times(task, definition, waiting, now)
        missed = left_out(before.schedule, task.next_run_at, now) if next_run_at != task.next_run_at else 0
        task = replace(task, definition=definition, next_run_at=next_run_at, missed_count=task.missed_count + missed)
        moves = [self._move(task, run, due_at, now) for run in waiting]
        tasks.update_definition(task)
        names = Names(before.name, before.module)
        is_renamed = names != Names(definition.name, definition.module)
        task = changes.store_moves(task, moves, now, names if is_renamed else None)
        due = [move.after for move in moves if "publish_after" in move.columns and move.after.due_at <= now]
        if before.schedule.overlap_policy is not definition.schedule.overlap_policy:
            task, freed = holding.let_go(self._ports, task, now)
            due += freed
        return task, due

    def _move(self, task: Task, run: Execution, due_at: Micros | None, now: Micros) -> Move:
        """How a waiting run becomes as its task is now; due at `due_at`, if it is the one that was made with the task."""
        moved = run.changed(waits_for="")  # what it waits for may not be asked of it any more
        if due_at is not None and is_own_run(task, run):
            moved = replace(moved, due_at=due_at)
        after, columns = redefined(task, moved)
        if not after.held and (run.waits_for or (after.due_at, after.queue) != (run.due_at, run.queue)):
            columns |= {"publish_after": self._ports.publish_after(now, after.due_at), "publish_count": 0}
        return Move(run, after, columns)


def _changeable(task: Task, etag: str) -> Task:
    if etag and etag != str(task.revision):
        raise EtagMismatch(task.task_id)
    if task.stopped_at is not None:
        raise TaskEnded(task.task_id)
    return task


def _times(
    task: Task, definition: TaskDefinition, waiting: list[Execution], now: Micros
) -> tuple[Micros | None, Micros | None]:
    """When the task fires next, and when the run that was made with it is due, None where that stays as it is."""
    old, new = task.definition.schedule, definition.schedule
    if bool(old.cron_expression) != bool(new.cron_expression):
        raise InvalidFields([_other_kind(new)])
    if new.cron_expression:
        return (task.next_run_at if _clock(old) == _clock(new) else _next_firing(task, new, now)), None
    due_at = new.due_at(task.created_at)
    if due_at == old.due_at(task.created_at):
        return task.next_run_at, None
    if not any(is_own_run(task, run) and not run.attempt for run in waiting):
        raise TaskStarted(task.task_id)
    return (due_at if due_at > now and task.paused_at is None else None), due_at


def _next_firing(task: Task, schedule: Schedule, now: Micros) -> Micros | None:
    following = schedule.next_fire(now, task.fire_count)
    if following is None:
        if schedule.max_runs and task.fire_count >= schedule.max_runs:
            raise InvalidFields(
                [Violation("task.max_runs", f"must be more than the {task.fire_count:,} firings so far")]
            )
        bound = "start_at" if schedule.end_at is None else "end_at"
        raise InvalidFields([Violation(f"task.{bound}", "must leave time for at least one firing")])
    return following if task.paused_at is None else None


def _clock(schedule: Schedule) -> tuple[object, ...]:
    """What says when a cron schedule fires, without what is done about each firing."""
    return schedule.cron_expression, schedule.time_zone, schedule.start_at, schedule.end_at, schedule.max_runs


def _other_kind(new: Schedule) -> Violation:
    if new.cron_expression:
        return Violation("task.cron_expression", "a task that runs once can not go by cron; create another one")
    return Violation("task.cron_expression", "can not be taken from a task that goes by cron; create another one")


def _same(one: TaskDefinition, other: TaskDefinition) -> bool:
    """Whether two definitions say the same; to Python 1, 1.0 and True would be."""
    return _text(one) == _text(other)


def _changed_fields(before: TaskDefinition, after: TaskDefinition) -> str:
    """The names of the parts of a definition that are not the same, for the audit log."""
    old, new = dump_definition(before), dump_definition(after)
    return "changed " + ", ".join(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _text(definition: TaskDefinition) -> str:
    return json.dumps(dump_definition(definition), sort_keys=True)
