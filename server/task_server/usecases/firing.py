"""What is due: cron firings become executions, delayed tasks stop waiting for their time."""

from __future__ import annotations

from task_server.domain.clock import SECOND, Micros
from task_server.domain.execution import Execution
from task_server.domain.schedule import Schedule
from task_server.domain.task import Task
from task_server.store import executions, tasks
from task_server.usecases import changes
from task_server.usecases.ports import Ports
from task_server.usecases.tasks import new_execution

#: A firing that is at most so late is made, each; of those missed longer ago only the latest is (FIRE_ONCE).
CATCH_UP: Micros = 10 * SECOND
_BATCH = 100


class Firing:
    """The use cases of the clock."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database

    def fire_due(self) -> int:
        """Handle up to 100 tasks whose time has come; return how many there were.

        Any number of schedulers may call this at once: each task is handled by one of them, and a cron time that has an
        execution gets no second one.
        """
        made: list[Execution] = []
        with self._database.write():
            now = self._database.now()
            due = tasks.due(self._database, now, _BATCH)
            for task in due:
                if task.definition.schedule.cron_expression:
                    made += self._fire(task, now)
                else:
                    self._wait_for_worker(task, now)
        if due:
            self._ports.announce(*made)
        return len(due)

    def next_due(self) -> Micros | None:
        """When something will be due next, by the database's clock."""
        with self._database.read():
            times = [time for time in (tasks.next_due(), executions.next_publish()) if time is not None]
        return min(times, default=None)

    def _fire(self, task: Task, now: Micros) -> list[Execution]:
        schedule = task.definition.schedule
        assert task.next_run_at is not None  # noqa: S101 - `due` selects by it
        made = []
        for fire_time in self._fire_times(schedule, task.next_run_at, now):
            if schedule.max_runs and task.fire_count >= schedule.max_runs:
                break
            execution = new_execution(task, now, fire_time, scheduled_for=fire_time)
            fired = task.fire_count + 1
            following = schedule.next_fire(fire_time, fired)
            changed = changes.add_execution(
                task,
                execution,
                now,
                self._ports.publish_after(now, now),
                fire_count=fired,
                next_run_at=following,
            )
            if changed is not None:
                task = changed
                made.append(execution)
        if not made:
            # Every one of them has its execution already; only the task's clock stood still.
            task = task.changed(now, next_run_at=schedule.next_fire(now, task.fire_count))
            changes.store_task(task, now)
        return made

    @staticmethod
    def _fire_times(schedule: Schedule, first: Micros, now: Micros) -> list[Micros]:
        if first < now - CATCH_UP:
            return [_latest(schedule, first, now)]
        times = [first]
        while (following := schedule.next_fire(times[-1], 0)) is not None and following <= now:
            times.append(following)
        return times

    def _wait_for_worker(self, task: Task, now: Micros) -> None:
        due = next((run for run in executions.unfinished(task.task_id) if run.due_at == task.next_run_at), None)
        task = task.changed(now, next_run_at=None)
        if due is not None:
            task = task.changed(now, status=changes.new_status(task, due, now))
        changes.store_task(task, now, due)


def _latest(schedule: Schedule, first: Micros, now: Micros) -> Micros:
    """The last firing not after `now`, of a schedule that had one at `first`.

    The window is halved until it is a second wide, so that a month of missed seconds costs few turns more than a missed hour.
    """
    before, after = first - 1, now
    while after - before > SECOND:
        middle = (before + after) // 2
        following = schedule.next_fire(middle, 0)
        if following is not None and following <= now:
            before = middle
        else:
            after = middle
    return schedule.next_fire(before, 0) or first
