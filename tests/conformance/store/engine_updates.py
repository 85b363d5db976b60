"""What the tests of updating share: an update in one go, and what it leaves in the rows."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.store.engine_values import missed

from task_server.domain.actions import CodeAction
from task_server.domain.outcome import Outcome
from task_server.domain.schedule import Schedule
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.usecases.firing import Firing
from task_server.usecases.tasks import Tasks
from task_server.usecases.updating import Updating

CRON = Schedule(cron_expression="0 0 1 1 *")
FAILED = Outcome(status=ExecutionStatus.FAILURE, error="boom", failure_reason=FailureReason.EXCEPTION)
NEW = CodeAction(function_code="def g(): return 8", function_name="g", args=[2, 3], kwargs={"new": True})


def update(ports, caller, task_id, etag="", **changes):
    base = Updating(ports).read(caller, task_id, etag)
    view = Updating(ports).update(caller, base, etag, replace(base.definition, **changes))
    assert view is not None
    return view


def fired(ports, caller, task_id):
    """Have a cron task fire, and give the run."""
    view = Tasks(ports).get(caller, task_id, full=False)
    missed(ports, view, seconds_ago=1)
    Firing(ports).fire_due()
    return Tasks(ports).get(caller, task_id, full=False).last_execution
