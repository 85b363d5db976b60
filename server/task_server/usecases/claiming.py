"""Claiming: a worker takes the run that a message names, or another one of its queue whose turn comes before."""

from __future__ import annotations

import logging
import threading
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from task_server.dispatch.lanes import code_lane
from task_server.dispatch.publisher import Message
from task_server.domain.actions import ACTION_KINDS, Action, ActionKind, CodeAction
from task_server.domain.clock import SECOND, Micros
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.execution import Attempt, Execution
from task_server.domain.secret import SealedSecret
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import Task
from task_server.metrics import meters
from task_server.store import executions, ready, sealed_secrets, tasks
from task_server.usecases import changes
from task_server.usecases.limits import Call
from task_server.usecases.ports import Ports
from task_server.usecases.quarantine import Quarantine
from task_server.usecases.secrets import has_secrets
from task_server.usecases.turns import Turns, pick

_log = logging.getLogger(__name__)
#: How many runs one message is tried with: of those that come first each may be taken by somebody else, or find no place.
_MOST_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that a worker holds, and what it has to do."""

    execution_id: str
    attempt: int
    action: Action
    #: Seconds.
    timeout: float
    #: The secrets that the action needs.
    sealed: tuple[SealedSecret, ...] = ()


class _Try(NamedTuple):
    """What one transaction did with one run."""

    claim: Claim | None = None
    #: Who was called to places that are free.
    calls: tuple[Call, ...] = ()
    now: Micros = 0
    #: The message was for this run, and nothing is left to be done for it.
    is_over: bool = False
    #: How long the run that was claimed was due before.
    waited: Micros = 0


class Claiming:
    """The use case of claiming. Any number of threads use it.

    Parameters:
        kinds: the kinds of action that this worker runs.
        queues: the queues that it serves; None for all.
    """

    def __init__(
        self, ports: Ports, lease: Micros, kinds: Container[ActionKind], queues: Container[str] | None = None
    ) -> None:
        self._ports = ports
        self._database = ports.database
        self._lease = lease
        self._kinds = kinds
        self._queues = queues
        self._turns = Turns()
        self._unreadable = Quarantine()
        self._unreadable_lock = threading.Lock()

    def claim(self, execution_id: str, worker: str) -> Claim | None:
        """Take the run that a message names, unless one of another owner comes before it or it can not begin; then take that one.

        None when there is nothing to take in its queue, or when it is no run of ours. One that finds no place waits for it, and
        one of a kind that this worker does not run is handed on to the workers that do: neither needs this message any more.
        """
        tried: set[str] = set()
        for _ in range(_MOST_TRIES):
            wanted: str | None = None
            try:
                with self._database.write():
                    named = executions.get(execution_id)
                    if named is None or not named.parent_task:
                        return None
                    wanted = self._next(named, tried)
                    if wanted is None:
                        return None
                    done = self._take(named, wanted, worker)
            except DatabaseUnavailable:
                raise
            except Exception as error:
                if wanted in (None, execution_id):
                    raise
                # Another's run is at fault: that this one comes after it must not hold it up.
                self._leave_alone(wanted, error)
                done = _Try()
            self._ports.tell_called(done.calls, done.now)
            if done.claim is not None:
                self._ports.announce()
                meters.WAIT_SECONDS.observe(done.waited / SECOND, done.claim.action.kind)
                return done.claim
            if done.is_over:
                return None
            tried.add(wanted)
        return None

    def _next(self, named: Execution, tried: set[str]) -> str | None:
        """The id of the run to try next; None where there is none."""
        now = self._database.now()
        may_begin = may_begin_at(named, now) and named.id not in tried
        if may_begin and named.action_kind not in self._kinds:
            return named.id  # to be handed on
        if self._queues is not None and named.queue not in self._queues:
            # It was moved to a queue of others; that its message came here is no reason to take theirs.
            return named.id if may_begin else None
        kinds = tuple(kind for kind in ACTION_KINDS if kind in self._kinds)
        order = self._turns.order(named, kinds, now)
        wanted = pick(order, named if may_begin else None, named.queue, kinds, now, tried | self._left_alone(now))
        if wanted is None and may_begin:
            return named.id
        if wanted is None:
            self._hand_on(named.queue, kinds, now)
        return wanted

    def _take(self, named: Execution, wanted: str, worker: str) -> _Try:
        is_named = wanted == named.id
        run: Execution | None = named if is_named else executions.get(wanted)
        if run is None:
            return _Try()
        # Nobody waits for a run that is not the message's: whoever has its task locked may take it just now.
        task = (tasks.lock if is_named else tasks.try_lock)(self._database, run.parent_task)
        if task is None:
            return _Try()
        if not self._database.is_sqlite:
            # It may have changed while this waited for the task.
            run = executions.get(wanted)
        now = self._database.now()
        if run is None or not may_begin_at(run, now):
            ready.heal(wanted)
            return _Try()
        if task.definition.action.kind not in self._kinds:
            # That changes nothing, so there is no commit to wait for.
            self._ports.publisher.publish(Message(run.id, code_lane(run.queue)))
            meters.HANDED_ON.count()
            return _Try(is_over=is_named)
        full = self._ports.limits.enter(self._ports, task.definition, run, now)
        if full is not None:
            calls = self._ports.limits.wait(self._ports, run, full, now)
            return _Try(calls=tuple(calls), now=now, is_over=is_named)
        claim = self._begin(task, run, worker, now)
        if claim is None:
            return _Try()
        self._turns.took(run)
        calls = self._ports.limits.began(self._ports, task.definition, run, now)
        return _Try(claim, tuple(calls), now, waited=now - run.due_at)

    def _begin(self, task: Task, before: Execution, worker: str, now: Micros) -> Claim | None:
        after = before.changed(
            status=ExecutionStatus.STARTED,
            attempt=before.attempt + 1,
            worker=worker,
            waits_for="",
            started_at=before.started_at or now,
            observed_at=now,
            error="",
            failure_reason=None,
        )
        if not task.definition.schedule.cron_expression and before.due_at == task.next_run_at:
            # Its time has come; the scheduler need not say so too.
            task = task.changed(now, next_run_at=None)
        columns: dict[str, Any] = {"lease_until": now + self._lease}
        if before.status is ExecutionStatus.RETRY:
            # Of the attempt that failed; its own error stays with it.
            columns |= {"result": None, "traceback": ""}
        if changes.move_execution(task, before, after, now, **columns) is None:
            return None
        attempt = Attempt(number=after.attempt, started_at=now, worker=worker, log_offset=before.log_bytes)
        executions.insert_attempt(after.id, attempt)
        return Claim(
            execution_id=after.id,
            attempt=after.attempt,
            action=_action(task, after),
            timeout=_time_left(task, after, now),
            sealed=sealed_secrets.of_task(task) if has_secrets(task.definition) else (),
        )

    def _hand_on(self, queue: str, kinds: tuple[ActionKind, ...], now: Micros) -> None:
        """Tell of a run that this worker does not run, where the message stood for one: its own may have been followed here."""
        others = tuple(kind for kind in ACTION_KINDS if kind not in kinds)
        if others and (execution_id := ready.any_of(queue, others, now)):
            self._ports.publisher.publish(Message(execution_id, code_lane(queue)))
            meters.HANDED_ON.count()

    def _left_alone(self, now: Micros) -> set[str]:
        with self._unreadable_lock:
            return set(self._unreadable.ids(now))

    def _leave_alone(self, execution_id: str, error: Exception) -> None:
        with self._unreadable_lock:
            is_new = self._unreadable.put(execution_id, self._database.now())
        if is_new:
            message = "an execution can not be read, and waits for another worker: %r"
            _log.error(message, error, extra={"execution": execution_id})


def may_begin_at(run: Execution, now: Micros) -> bool:
    """Whether a run waits for nothing but a worker."""
    return (
        run.status.is_waiting
        and not run.held
        and run.due_at <= now
        and run.stop_requested_at is None
        and (run.deadline_at is None or run.deadline_at > now)
    )


def _action(task: Task, run: Execution) -> Action:
    """What a run does: what its task does now, a rerun of code with the arguments of the run that it repeats."""
    action = task.definition.action
    if not run.rerun_of or not isinstance(action, CodeAction):
        return action
    args, kwargs = executions.arguments(run.id)
    return replace(action, args=args, kwargs=kwargs)


def _time_left(task: Task, run: Execution, now: Micros) -> float:
    """Seconds that an attempt may take: the task's timeout, and not beyond the run's deadline."""
    timeout = task.definition.timeout
    return timeout if run.deadline_at is None else min(timeout, (run.deadline_at - now) / SECOND)
