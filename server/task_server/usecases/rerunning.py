"""Rerunning: past executions are run again, each with its own arguments, by what its task does now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from task_server.domain.clock import Micros
from task_server.domain.errors import ExecutionForeign, ExecutionNotFound, InvalidFields, TaskEnded, Violation
from task_server.domain.execution import Execution
from task_server.domain.listing import MAX_RERUNS, ExecutionFilter
from task_server.domain.owner import Caller
from task_server.domain.repeatable import ALWAYS, Repeatable
from task_server.domain.task import Task
from task_server.store import executions, reruns, tasks
from task_server.store.reruns import Past
from task_server.usecases import auditing, changes, repeating
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.tasks import TaskView, new_execution, run_once

#: To say that these are too many it is enough to count so far.
_MOST_COUNTED = 100_000


class Reruns(NamedTuple):
    """What a request to run executions again made."""

    #: The new executions, in the order of the ones that they repeat; of a request that came before, those that are kept.
    executions: list[Execution]
    #: How many were made.
    made: int


class Rerunning:
    """The use cases of running again. As RunTask does, a rerun asks neither the overlap policy nor a pause for leave."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def rerun_of_task(self, caller: Caller, task_id: str, execution_id: str, request: Repeatable = ALWAYS) -> TaskView:
        """Repeat an execution of a task; for the same request again none, it is answered with the one of then.

        Raises TaskNotFound, ExecutionNotFound, InvalidFields where it is another task's, TaskEnded when the task was stopped,
        QuotaExceeded, and RequestIdReused.
        """

        def make(task: Task, now: Micros) -> TaskView:
            past = _visible(caller, reruns.find([execution_id]), execution_id)
            if past.parent_task != task_id:
                raise InvalidFields([Violation("rerun_of", "must be an execution of this task")])
            if task.stopped_at is not None:
                raise TaskEnded(task_id)
            self._admit([past])
            changed, (execution,) = self._make(task, [past], now)
            auditing.note(caller, task_id, now, f"execution {execution.id}, a rerun of {execution_id}")
            return TaskView(task=changed, last_execution=execution)

        return run_once(self._ports, caller, task_id, request, make)

    def made_before(self, caller: Caller, request: Repeatable) -> Reruns | None:
        """What the same request has made; None where it is new. Raises RequestIdReused."""
        with self._database.read():
            ids = repeating.made_before(caller, request)
            return None if ids is None else _made_before(caller, ids)

    def named(self, caller: Caller, ids: Sequence[str]) -> list[Past]:
        """The executions with those ids, all of which can be run again now.

        Raises ExecutionNotFound, ExecutionForeign, TaskEnded and QuotaExceeded where one of them can not.
        """
        with self._database.read():
            found = reruns.find(ids)
            past = [_visible(caller, found, execution_id) for execution_id in ids]
            for each in past:
                if not each.parent_task:
                    raise ExecutionForeign(each.id)
            _require_runnable(past, tasks.runnable({each.parent_task for each in past}))
            self._admit(past)
        return past

    def matching(self, wanted: ExecutionFilter) -> list[Past]:
        """The executions that match, have ended and can be run again now, the oldest first.

        Raises InvalidFields where they are more than 1,000, and QuotaExceeded.
        """
        with self._database.read():
            past = reruns.find_matching(wanted, MAX_RERUNS + 1)
            if len(past) > MAX_RERUNS:
                number = reruns.count_matching(wanted, _MOST_COUNTED)
                many = f"{number:,}{' or more' if number == _MOST_COUNTED else ''}"
                raise InvalidFields(
                    [Violation("filter", f"means {many} executions; narrow it to at most {MAX_RERUNS:,}")]
                )
            self._admit(past)
        return past

    def rerun(self, caller: Caller, past: Sequence[Past], request: Repeatable = ALWAYS) -> Reruns:
        """Run all of them again, or none; give the new executions in their order. For the same request again those of then.

        Raises TaskEnded and ExecutionNotFound where a task was stopped, or an execution removed, since they were looked at,
        QuotaExceeded, and RequestIdReused.
        """
        by_task: defaultdict[str, list[Past]] = defaultdict(list)
        for each in past:
            by_task[each.parent_task].append(each)
        new: list[Execution] = []

        def work() -> Reruns:
            # All tasks first, then the owners: nobody who has one of these waits for another one.
            runnable = tasks.lock_runnable(by_task)
            if (before := repeating.made_before(caller, request)) is not None:
                return _made_before(caller, before)
            _require_runnable(past, runnable)
            self._admit(past)
            now = self._database.now()
            made: dict[str, Execution] = {}
            for task_id, of_task in by_task.items():
                task = tasks.get(task_id)
                assert task is not None  # noqa: S101 - it is locked, and was not deleted
                for run in self._make(task, of_task, now)[1]:
                    made[run.rerun_of] = run
                    auditing.note(caller, run.rerun_of, now, f"execution {run.id}")
            runs = [made[each.id] for each in past]
            repeating.remember(caller, request, [run.id for run in runs], now)
            new.extend(runs)
            return Reruns(runs, len(runs))

        done = repeating.once(self._database, request, work)
        self._ports.announce(*new)
        return done

    def _make(self, task: Task, past: Sequence[Past], now: Micros) -> tuple[Task, list[Execution]]:
        """Store reruns of a locked task's executions; return the task as it is then, and them."""
        runs = [replace(new_execution(task, now, now), rerun_of=each.id) for each in past]
        return changes.add_reruns(task, runs, now, self._ports.publish_after(now, now)), runs

    def _admit(self, past: Sequence[Past]) -> None:
        """Raise QuotaExceeded where an owner may not have so many more. In one order, since owners may be locked."""
        counts, sizes = Counter[str](), Counter[str]()
        for each in past:
            counts[each.owner_id] += 1
            sizes[each.owner_id] += each.argument_bytes
        for owner_id in sorted(counts):
            self._quota_guard.admit(owner_id, queued=counts[owner_id], result_bytes=sizes[owner_id])


def _visible(caller: Caller, found: dict[str, Past], execution_id: str) -> Past:
    past = found.get(execution_id)
    if past is None or not caller.may_see(past.owner_id):
        raise ExecutionNotFound(id=execution_id)
    return past


def _made_before(caller: Caller, ids: Sequence[str]) -> Reruns:
    kept = executions.get_many(ids)
    return Reruns([kept[each] for each in ids if each in kept and caller.may_see(kept[each].owner.id)], len(ids))


def _require_runnable(past: Sequence[Past], runnable: Sequence[str]) -> None:
    can_run = set(runnable)
    for each in past:
        if each.parent_task not in can_run:
            raise TaskEnded(each.parent_task, "was stopped or deleted, so its executions can not be run again")
