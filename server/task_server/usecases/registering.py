"""Registering: a run of another Celery app is recorded. It is never published, claimed or stopped from here."""

from __future__ import annotations

from task_server.auth.policy import require
from task_server.domain.clock import NEVER
from task_server.domain.execution import Execution
from task_server.domain.owner import Caller, Grant
from task_server.domain.registration import Registration
from task_server.store import executions
from task_server.usecases import auditing
from task_server.usecases.executions import ExecutionView
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard


def require_owner(caller: Caller, created_by: str) -> None:
    """Raise PermissionMissing unless the caller may register for that user; empty means itself."""
    if created_by and created_by != caller.owner.id:
        require(caller, Grant.REGISTER_FOR_OTHERS)


class Registering:
    """The use case of registering. No event tells of it: events are of tasks, and there is none."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def register(self, caller: Caller, registration: Registration) -> ExecutionView:
        """Record a run, or answer with what is recorded of it: one for each owner and Celery task id.

        Others may have registered the same id; theirs are neither shown nor in the way. A run of this service is recorded
        already. What the caller may not see it is answered without its heavy parts. Raises QuotaExceeded where
        the owner of a new one holds as many bytes as it may.
        """
        require_owner(caller, registration.owner.id)
        with self._database.write():
            execution = self._recorded(caller, registration) or self._record(caller, registration)
            is_seen = caller.may_see(execution.owner.id)
            return ExecutionView(execution=execution, detail=executions.detail(execution.id) if is_seen else None)

    def _record(self, caller: Caller, registration: Registration) -> Execution:
        self._quota_guard.admit(registration.owner.id, result_bytes=1)
        now = self._database.now()
        execution = registration.execution(now)
        if executions.insert(execution, registration.args, registration.kwargs, publish_after=NEVER):
            auditing.note(caller, execution.id, now, f"of user {execution.owner.id!r}")
            return execution
        # Somebody else was faster by a moment, which this transaction has waited for.
        recorded = executions.get_registered(registration.task_id, registration.owner.id)
        assert recorded is not None  # noqa: S101 - nothing else can be in the way
        return recorded

    @staticmethod
    def _recorded(caller: Caller, registration: Registration) -> Execution | None:
        owner_id = registration.owner.id
        if owner_id != caller.owner.id:
            return executions.get_registered(registration.task_id, owner_id)
        own = [each for each in executions.find_by_task_id(registration.task_id) if each.owner.id == owner_id]
        return own[0] if own else None
