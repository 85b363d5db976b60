"""What is due: cron firings become executions, delayed tasks stop waiting for their time.

A turn is one transaction with a bounded number of executions. It moves each task's `next_run_at` past what it handled, so a crash
between two turns loses nothing and doubles nothing, and any number of schedulers share what is due.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field, replace

from task_server.domain.clock import NEVER, Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.execution import Execution
from task_server.domain.misfire import Firings, due_firings
from task_server.domain.task import Task
from task_server.notifier.bell import Topic
from task_server.store import executions, tasks
from task_server.usecases import changes
from task_server.usecases.overlap import Admission, Verdict, admit
from task_server.usecases.ports import Ports
from task_server.usecases.quarantine import Quarantine
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.tasks import new_execution

_log = logging.getLogger(__name__)
#: Tasks in one turn. Small, so that the first are published soon and no other writer waits long.
_BATCH = 50
#: Executions after which a turn ends.
_MOST_EXECUTIONS = 100
#: Executions of one task in one turn. The rest of a backlog waits until what else is due was handled.
_MOST_OF_A_TASK = 20


@dataclass(slots=True)
class _Turn:
    """What was done in one turn, and is to be told after its commit."""

    handled: int = 0
    made: int = 0
    #: What may be published now.
    due: list[Execution] = field(default_factory=list)
    #: Ids of running executions that are to be stopped.
    to_stop: list[str] = field(default_factory=list)
    #: Ids of tasks with a backlog that is not done yet.
    behind: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether it handles no further task."""
        # Whoever renews leases locks executions in the order of their ids; a turn that stopped runs of two tasks might not.
        return self.made >= _MOST_EXECUTIONS or bool(self.to_stop)


#: By its id and revision, a task that is due, and what to do about its firings.
_Plans = dict[tuple[str, int], tuple[Task, Firings]]


class Firing:
    """The use cases of the clock. One thread uses it."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quarantine = Quarantine()
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)
        #: Ids of tasks with a backlog that had their turn: what else is due comes before them.
        self._behind: set[str] = set()

    def fire_due(self) -> int:
        """Handle up to 50 tasks whose time has come, with up to about 100 executions; return how many tasks there were.

        To be called until it returns 0. Any number of schedulers may do so at once: a task is handled by one of them at a time,
        and a cron time that has an execution gets no second one. A task that can not be handled is left alone for a minute.
        """
        handled = self._turn()
        if not handled and self._behind:
            self._behind.clear()
            handled = self._turn()
        return handled

    def next_due(self) -> Micros | None:
        """When something will be due next, by the database's clock."""
        with self._database.read():
            besides = self._quarantine.ids(self._database.now())
            times = (tasks.next_due(self._database, besides), executions.next_publish())
        return min((time for time in times if time is not None), default=None)

    def _turn(self) -> int:
        turn = _Turn()
        due = tasks.Due()
        plans = self._plans() if self._database.is_sqlite else {}
        try:
            with self._database.write():
                now = self._database.now()
                due = self._due(now, plans)
                self._handle(due.tasks, now, turn, plans)
        except DatabaseUnavailable:
            raise
        except Exception:
            if not due.tasks:
                raise
            # One of them is at fault, and the transaction of all of them was rolled back.
            return self._handle_each([task.task_id for task in due.tasks])
        for task_id, error in due.unreadable.items():
            self._leave(task_id, now, error)
        self._tell(turn)
        return turn.handled + len(due.unreadable)

    def _handle_each(self, task_ids: list[str]) -> int:
        """Handle tasks in a transaction each, and leave those alone that can not be handled."""
        for task_id in task_ids:
            turn = _Turn()
            now = self._database.now()
            try:
                with self._database.write():
                    task = tasks.lock(self._database, task_id)
                    if task is not None and task.next_run_at is not None and task.next_run_at <= now:
                        self._handle([task], now, turn, {})
            except DatabaseUnavailable:
                raise
            except Exception as error:
                self._leave(task_id, now, error)
            else:
                self._tell(turn)
        return len(task_ids)

    def _due(self, now: Micros, plans: _Plans) -> tasks.Due:
        known = {key: task for key, (task, _) in plans.items()}
        return tasks.due(self._database, now, _BATCH, [*self._quarantine.ids(now), *self._behind], known)

    def _plans(self) -> _Plans:
        """What to do about the firings that are due.

        On SQLite whoever writes keeps all others waiting, so the arithmetic of cron is done before.
        """
        with self._database.read():
            now = self._database.now()
            due = self._due(now, {}).tasks
        plans: _Plans = {}
        for task in due:
            if not task.definition.schedule.cron_expression:
                continue
            # What fails here fails again in the transaction, where it is known what to do about it.
            with contextlib.suppress(Exception):
                plans[task.task_id, task.revision] = (task, _firings(task, now))
        return plans

    def _handle(self, due: list[Task], now: Micros, turn: _Turn, plans: _Plans) -> None:
        for task in due:
            if turn.is_full:
                return
            if task.definition.schedule.cron_expression:
                _, planned = plans.get((task.task_id, task.revision), (task, None))
                self._fire(task, planned or _firings(task, now), now, turn)
            else:
                _wait_for_worker(task, now)
            turn.handled += 1
            self._quarantine.remove(task.task_id)

    def _fire(self, task: Task, firings: Firings, now: Micros, turn: _Turn) -> None:
        """Make what is due of a locked task, as far as its overlap policy lets it, and move its clock on."""
        task = replace(task, missed_count=task.missed_count + firings.missed)
        is_stored = False
        followings = (*firings.times[1:], firings.next_fire)  # where there are no times, the next is of none
        for fire_time, following in zip(firings.times, followings, strict=False):
            admission = admit(task, now)
            if admission.verdict is not Verdict.SKIP and not self._quota_guard.has_room(task.owner.id):
                admission = replace(admission, verdict=Verdict.SKIP)
            task = admission.task
            turn.to_stop += admission.to_stop
            if admission.verdict is Verdict.SKIP:
                task = replace(task, skipped_count=task.skipped_count + 1, next_run_at=following)
                is_stored = False
                continue
            made = self._make(admission, fire_time, following, now, turn)
            is_stored = made is not None
            # A time that has its execution already was handled before: only the task's clock stood still.
            task = made or replace(task, next_run_at=following)
            if made is not None and made.next_run_at is None:
                break  # that was the last of `max_runs`
        if not is_stored:
            task = task.changed(now, next_run_at=task.next_run_at if firings.times else firings.next_fire)
            changes.store_task(replace(task, status=changes.new_status(task, now)), now)
        if task.next_run_at is not None and task.next_run_at <= now:
            turn.behind.append(task.task_id)

    def _make(
        self, admission: Admission, fire_time: Micros, following: Micros | None, now: Micros, turn: _Turn
    ) -> Task | None:
        """Make the execution of a firing that is not skipped; return the task as it is then. None when there is one already."""
        task, schedule = admission.task, admission.task.definition.schedule
        fire_count = task.fire_count + 1
        is_last = bool(schedule.max_runs) and fire_count >= schedule.max_runs
        execution = replace(
            new_execution(task, now, schedule.jittered(task.task_id, fire_time), scheduled_for=fire_time),
            held=admission.verdict is Verdict.HOLD,
        )
        made = changes.add_execution(
            task,
            execution,
            now,
            NEVER if execution.held else self._ports.publish_after(now, execution.due_at),
            fire_count=fire_count,
            next_run_at=None if is_last else following,
        )
        if made is not None:
            turn.made += 1
            if not execution.held and execution.due_at <= now:
                turn.due.append(execution)
        return made

    def _leave(self, task_id: str, now: Micros, error: Exception) -> None:
        if self._quarantine.put(task_id, now):
            message = "task %s can not be fired; it is tried again every minute, without another word"
            _log.error(message, task_id, exc_info=error, extra={"task_id": task_id})

    def _tell(self, turn: _Turn) -> None:
        if not turn.handled:
            return
        self._behind.update(turn.behind)
        for execution_id in turn.to_stop:
            self._ports.bell.ring(Topic.STOP, execution_id)
        self._ports.announce(*turn.due)


def _firings(task: Task, now: Micros) -> Firings:
    assert task.next_run_at is not None  # noqa: S101 - `due` selects by it
    return due_firings(task.definition.schedule, task.next_run_at, now, _MOST_OF_A_TASK)


def _wait_for_worker(task: Task, now: Micros) -> None:
    """Note that the time of a delayed task has come: its execution waits for a worker now."""
    due = next((run for run in executions.unfinished(task.task_id) if run.due_at == task.next_run_at), None)
    task = task.changed(now, next_run_at=None)
    if due is not None:
        task = task.changed(now, status=changes.new_status(task, now, due))
    changes.store_task(task, now, due)
