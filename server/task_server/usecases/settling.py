"""Settling: what follows the end of an attempt is stored in one go, with what waited for the end of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from task_server.domain.clock import NEVER, Micros
from task_server.domain.execution import Execution
from task_server.domain.sequel import Sequel
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import Task
from task_server.notifier.bell import Topic
from task_server.store import executions
from task_server.usecases import changes, holding
from task_server.usecases.limits import Call
from task_server.usecases.ports import Ports
from task_server.usecases.redefining import redefined


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be told once it is committed. Should the process die before, the scheduler finds it in the rows."""

    #: What may be published now.
    due: tuple[Execution, ...] = ()
    #: Whether something will be due soon, for which the scheduler has to wake.
    comes_due: bool = False
    #: Who was called to the places that were left.
    calls: tuple[Call, ...] = ()
    now: Micros = 0

    def tell(self, ports: Ports) -> None:
        """Tell the workers, the watchers and the scheduler; after the commit."""
        ports.announce(*self.due)
        ports.tell_called(self.calls, self.now)
        if self.comes_due:
            ports.bell.ring(Topic.DUE)


def settle_attempt(
    ports: Ports, task: Task, before: Execution, sequel: Sequel, now: Micros, **columns: Any
) -> Settled | None:
    """Store what follows the end of an attempt of a locked task. None when the run was moved by somebody else first.

    `columns` are further columns of the run to set.
    """
    settled = settle(ports, task, before, sequel.run, now, wait=sequel.wait, **columns)
    if settled is not None:
        executions.end_attempt(before, now, sequel.attempt, sequel.error, sequel.failure_reason)
    return settled


def settle(
    ports: Ports, task: Task, before: Execution, after: Execution, now: Micros, *, wait: Micros = 0, **columns: Any
) -> Settled | None:
    """Store where a run of a locked task waits or has ended. None when it was moved by somebody else first.

    Parameters:
        wait: how long a run that waits is kept from the workers although it is due. Its due time stays: it tells whether the
            task is SCHEDULED or PENDING. A stray message may still have it claimed earlier.
    """
    columns = {"lease_until": None, **columns}
    publish_at = max(after.due_at, now + wait)
    waits = after.status.is_waiting and not after.held
    if after.status.is_waiting:
        after, now_said = redefined(task, after)
        columns |= now_said
        again = NEVER if after.held else ports.publish_after(now, publish_at)
        columns |= {"publish_after": again, "publish_count": 0, "ready_at": NEVER if after.held else publish_at}
    changed = changes.move_execution(task, before, after, now, **columns)
    if changed is None:
        return None
    due: tuple[Execution, ...] = (after,) if waits and publish_at <= now else ()
    if after.status.is_terminal and holding.goes_in_turn(changed):
        due = tuple(holding.let_go(ports, changed, now)[1])
    ran = before.status is ExecutionStatus.STARTED
    calls = tuple(ports.limits.ended(ports, before, now)) if ran else ()
    return Settled(due=due, comes_due=waits and publish_at > now, calls=calls, now=now)
