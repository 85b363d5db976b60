"""Stopping: what waits ends at once, what runs is ended by its worker, what has ended stays as it was."""

from __future__ import annotations

import pytest
from tests.conformance.store.engine_values import REVOKED, SUCCESS, definition, missed, status

from task_server.domain.errors import TaskEnded
from task_server.domain.schedule import Schedule
from task_server.domain.status import TaskStatus
from task_server.usecases.firing import Firing
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks


def test_stopping_ends_what_waits_at_once(ports, caller, running):
    view = Tasks(ports).create(caller, definition())

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.never_started == [view.last_execution.id]
    assert stopped.task.status is TaskStatus.REVOKED
    assert running.claim(view.last_execution.id, "w1") is None
    assert Stopping(ports).stop(caller, view.task.task_id).never_started == []


def test_stopping_tells_the_worker_and_waits_for_what_it_saw(ports, caller, running):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.running == [claim.execution_id]
    assert stopped.task.status is TaskStatus.STARTED
    assert running.to_stop([claim.execution_id]) == {claim.execution_id}
    assert running.finish(claim.execution_id, claim.attempt, REVOKED)
    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


def test_a_stopped_run_whose_worker_vanished_is_revoked(ports, caller):
    view = Tasks(ports).create(caller, definition())
    Running(ports, lease_seconds=-1).claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)

    Rescuing(ports, max_lost_attempts=3).rescue()

    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED


def test_a_stopped_task_can_not_run_again_and_a_finished_one_can(ports, caller, running):
    stopped = Tasks(ports).create(caller, definition())
    Stopping(ports).stop(caller, stopped.task.task_id)
    with pytest.raises(TaskEnded):
        Tasks(ports).run(caller, stopped.task.task_id)

    finished = Tasks(ports).create(caller, definition())
    claim = running.claim(finished.last_execution.id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    again = Tasks(ports).run(caller, finished.task.task_id)
    assert again.task.run_count == 2
    assert again.last_execution.id != finished.last_execution.id
    assert status(ports, caller, finished.task.task_id) is TaskStatus.PENDING


def test_a_run_that_is_to_stop_is_not_given_back(ports, caller, running, publisher):
    view = Tasks(ports).create(caller, definition())
    claim = running.claim(view.last_execution.id, "w1")
    Stopping(ports).stop(caller, view.task.task_id)
    publisher.messages.clear()

    assert running.release(claim.execution_id, claim.attempt)

    assert status(ports, caller, view.task.task_id) is TaskStatus.REVOKED
    assert publisher.messages == []


def test_between_firings_a_task_is_scheduled_and_once_stopped_revoked(ports, caller, running):
    view = Tasks(ports).create(caller, definition(schedule=Schedule(cron_expression="0 0 * * *")))
    missed(ports, view, seconds_ago=1)
    Firing(ports).fire_due()
    task = Tasks(ports).get(caller, view.task.task_id, full=False).task
    claim = running.claim(task.last_execution_id, "w1")
    running.finish(claim.execution_id, claim.attempt, SUCCESS)
    assert status(ports, caller, view.task.task_id) is TaskStatus.SCHEDULED

    stopped = Stopping(ports).stop(caller, view.task.task_id)

    assert stopped.ended_firings
    assert stopped.task.status is TaskStatus.REVOKED
    assert Firing(ports).fire_due() == 0
