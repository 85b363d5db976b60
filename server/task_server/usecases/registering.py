"""Registering: runs of other Celery apps are recorded. They are never published, claimed or stopped from here."""

from __future__ import annotations

from collections.abc import Sequence

from task_server.auth.policy import require
from task_server.domain.execution import Execution
from task_server.domain.owner import Caller, Grant
from task_server.domain.registration import Registration
from task_server.store import executions, tracked
from task_server.usecases import attributing, auditing
from task_server.usecases.executions import ExecutionView
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard
from task_server.usecases.run_batch import RunBatch, RunBatches


def require_owner(caller: Caller, created_by: str) -> None:
    """Raise PermissionMissing unless the caller may register for that user; empty means itself."""
    if created_by and created_by != caller.owner.id:
        require(caller, Grant.REGISTER_FOR_OTHERS)


class Registering:
    """The use cases of registering. No event tells of it: events are of tasks, and there is none."""

    def __init__(self, ports: Ports) -> None:
        self._batches = RunBatches(ports.database, QuotaGuard(ports.database, ports.limits.quotas))

    def register(self, caller: Caller, registration: Registration) -> ExecutionView:
        """Record a run, or answer with what is recorded of it: one for each owner and Celery task id.

        What was told of it before it was registered is of the same row: `domain.attribution` has the rule. Others may have
        registered the same id; theirs are neither shown nor in the way. A run of this service is recorded already. What the caller
        may not see is answered without its heavy parts. Raises PermissionMissing, and QuotaExceeded where the owner of a new one
        holds as many bytes as it may.
        """
        require_owner(caller, registration.owner.id)

        def work(batch: RunBatch) -> ExecutionView:
            (execution,) = _register(caller, [registration], batch)
            batch.store()
            is_seen = caller.may_see(execution.owner.id)
            return ExecutionView(execution=execution, detail=executions.detail(execution.id) if is_seen else None)

        return self._batches.under({registration.task_id}, work)

    def register_many(self, caller: Caller, registrations: Sequence[Registration]) -> list[Execution]:
        """Do so with many in one transaction: all of them or, where it raises, none. They are answered in the same order."""
        for owner_id in {registration.owner.id for registration in registrations}:
            require_owner(caller, owner_id)
        task_ids = {registration.task_id for registration in registrations}
        return self._batches.under(task_ids, lambda batch: _register(caller, registrations, batch))


def _register(caller: Caller, registrations: Sequence[Registration], batch: RunBatch) -> list[Execution]:
    own_ids = [each.task_id for each in registrations if each.owner.id == caller.owner.id]
    known = {_key(execution): execution for execution in tracked.own(own_ids, caller.owner.id)}
    # The same may be there twice.
    said = {_key(each): each for each in reversed(registrations) if _key(each) not in known}
    batch.admit(owner_id for task_id, owner_id in said if not batch.of(task_id, owner_id))
    for registration in reversed(said.values()):
        attributing.register(batch, caller, registration)
    if batch.recorded:
        owners = auditing.users(run.execution.owner.id for run in batch.recorded.values())
        auditing.note_many(caller, list(batch.recorded), batch.now, f"of {owners}")
    attributing.note(caller, batch)
    known |= {_key(run.execution): run.execution for run in batch.by_id().values()}
    return [known[_key(registration)] for registration in registrations]


def _key(value: Registration | Execution) -> tuple[str, str]:
    return value.task_id, value.owner.id
