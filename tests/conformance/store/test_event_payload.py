"""What an event keeps of a task and an execution, read back by this version and by an older one."""

from __future__ import annotations

import itertools
import json

from engine_values import definition

from task_server.domain.actions import HttpAction
from task_server.domain.assertions import Condition, ResponseAssertion, Subject
from task_server.domain.retry import RetryPolicy
from task_server.domain.schedule import OverlapPolicy, Schedule
from task_server.domain.status import FailureReason
from task_server.store import event_payload
from task_server.usecases.tasks import Tasks

SCHEDULE = Schedule(cron_expression="0 0 * * *", overlap_policy=OverlapPolicy.QUEUE_ONE, jitter_seconds=3.0)
POLICY = RetryPolicy(max_retries=3, retry_statuses=(503,), retry_reasons=(FailureReason.TIMEOUT,))


def made(ports, caller):
    task_id = Tasks(ports).create(caller, definition(schedule=SCHEDULE, retry_policy=POLICY)).task.task_id
    view = Tasks(ports).run(caller, task_id)
    return view.task, view.last_execution


def test_it_is_read_back_without_its_heavy_parts(ports, caller):
    task, execution = made(ports, caller)

    read_task, read_execution, former = event_payload.load(event_payload.dump(task, execution))

    assert read_task.definition.schedule == SCHEDULE
    assert read_task.definition.retry_policy == POLICY
    assert read_task.definition.action.function_code == ""
    assert read_execution == execution
    assert former is None


def test_what_an_answer_must_be_like_is_stored_but_not_told_in_events(ports, caller):
    asserted = tuple(
        ResponseAssertion(subject=subject, name="n", keys=("k", -1), condition=condition, value={"v": [1, None]})
        for subject, condition in itertools.product(Subject, Condition)
    )
    action = HttpAction(url="https://example.org/", response_assertions=asserted)
    made_task = Tasks(ports).create(caller, definition(action=action)).task

    assert Tasks(ports).get(caller, made_task.task_id, full=True).task.definition.action == action
    read_task, _, _ = event_payload.load(event_payload.dump(made_task, None))
    assert read_task.definition.action.response_assertions == ()


def test_fields_of_a_newer_version_are_left_out(ports, caller):
    task, execution = made(ports, caller)
    value = json.loads(event_payload.dump(task, execution))
    said = value["task"]
    parts = said["definition"]
    for part in (said, value["execution"], parts, parts["action"], parts["schedule"], parts["retry_policy"]):
        part["of_tomorrow"] = 1

    assert event_payload.load(json.dumps(value)) == event_payload.load(event_payload.dump(task, execution))
