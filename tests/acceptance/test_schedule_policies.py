"""Schedules when things go wrong: down time, runs that take longer than the time between firings, and a hand on the brake."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from acceptance_api import Api, Rest
from acceptance_stack import Stack, eventually
from tests.processes import freeze

import task_manager
from task_manager import TaskClient
from task_manager.v1 import task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task

QUICK = {"function_code": "def main():\n    return 1", "function_name": "main"}
SLOW = {"function_code": "import time\ndef main():\n    time.sleep(2.2)", "function_name": "main"}
ENDLESS = {"function_code": "import time\ndef main():\n    time.sleep(60)", "function_name": "main"}
SECOND = 1_000_000_000


@pytest.fixture
def stopping(client: TaskClient) -> Iterator[Callable[..., Task]]:
    """Makes tasks that fire each second, and stops them in the end."""
    made = []

    def make(name: str, **fields: Any) -> Task:
        made.append(client.create_task(name, cron_expression="* * * * * *", **fields))
        return made[-1]

    yield make
    for task in made:
        client.stop(task.task_id)


def runs(client: TaskClient, task: Task) -> list[TaskExecution]:
    """The firings of a task, in the order of their times."""
    found = [run for run in client.list_executions(parent_task=task.task_id) if run.HasField("scheduled_for")]
    return sorted(found, key=lambda run: run.scheduled_for.ToNanoseconds())


def overlaps(found: list[TaskExecution]) -> list[tuple[str, str]]:
    """Which runs began before the one before had ended."""
    begun = sorted((run for run in found if run.HasField("started_at")), key=lambda run: run.started_at.ToNanoseconds())
    return [
        (before.id, after.id)
        for before, after in pairwise(begun)
        if not before.HasField("finished_at") or before.finished_at.ToNanoseconds() > after.started_at.ToNanoseconds()
    ]


def test_after_a_down_time_of_the_scheduler_each_policy_does_what_it_says(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    stack.start()
    client = stack.client()
    policies = ("SKIP", "FIRE_ONCE", "FIRE_ALL")
    made = {
        policy: client.create_task(policy, cron_expression="* * * * * *", misfire_policy=policy, **QUICK)
        for policy in policies
    }
    for task in made.values():
        eventually(lambda task=task: client.get(task.task_id).fired_count)
    # In the middle of a second nothing is due.
    eventually(lambda: 0.4 < time.time() % 1 < 0.6)
    scheduler = stack.pid("scheduler")
    freeze(scheduler, stack.data_dir / "task-manager.db")
    down = time.time()
    eventually(lambda: time.time() > down + 14)
    os.kill(scheduler, signal.SIGCONT)
    missed = {}
    for policy, task in made.items():
        eventually(lambda task=task: client.get(task.task_id).next_run_at.ToNanoseconds() > time.time_ns())
        client.stop(task.task_id)
        after = client.get(task.task_id)
        times = [run.scheduled_for.ToNanoseconds() for run in runs(client, after)]
        assert len(times) == after.fired_count
        # Whatever is not there was missed, and nothing else was.
        assert sum((later - earlier) // SECOND - 1 for earlier, later in pairwise(times)) == after.missed_count
        assert after.skipped_count == 0
        missed[policy] = after.missed_count
    assert missed["FIRE_ALL"] == 0
    assert missed["FIRE_ONCE"] >= 2
    assert missed["SKIP"] >= 3
    stack.stop()
    assert stack.faults() == []


def test_a_firing_is_skipped_while_the_earlier_run_goes_on(client: TaskClient, stopping: Callable[..., Task]) -> None:
    task = stopping("skips", overlap_policy="SKIP_NEW", **SLOW)
    after = eventually(lambda: (seen := client.get(task.task_id)).fired_count >= 2 and seen.skipped_count >= 2 and seen)
    assert overlaps(runs(client, after)) == []


def test_one_firing_waits_for_the_earlier_run(client: TaskClient, stopping: Callable[..., Task]) -> None:
    task = stopping("queues", overlap_policy="QUEUE_ONE", **SLOW)
    eventually(lambda: sum(run.status == TaskExecution.SUCCESS for run in runs(client, task)) >= 2)
    found = runs(client, task)
    assert overlaps(found) == []
    done = [run for run in found if run.status == TaskExecution.SUCCESS]
    # The second was due a second after the first, waited for its end, and began at once then.
    assert done[1].scheduled_for.ToNanoseconds() - done[0].scheduled_for.ToNanoseconds() == SECOND
    assert 0 <= done[1].started_at.ToNanoseconds() - done[0].finished_at.ToNanoseconds() < SECOND
    assert client.get(task.task_id).skipped_count >= 1


def test_a_firing_stops_the_earlier_run_and_takes_its_place(client: TaskClient, stopping: Callable[..., Task]) -> None:
    task = stopping("cancels", overlap_policy="CANCEL_RUNNING", **ENDLESS)

    def killed() -> list[TaskExecution]:
        ended = [run for run in runs(client, task) if run.status == TaskExecution.REVOKED]
        return [run for run in ended if run.HasField("started_at")]

    eventually(lambda: len(killed()) >= 2)
    client.stop(task.task_id)
    found = runs(client, task)
    assert overlaps(found) == []
    assert {run.status for run in found} == {TaskExecution.REVOKED}
    for run in killed():
        assert run.finished_at.ToNanoseconds() - run.started_at.ToNanoseconds() < 30 * SECOND


def test_pause_run_now_and_resume(client: TaskClient, stopping: Callable[..., Task]) -> None:
    task = stopping("brake", **QUICK)
    eventually(lambda: client.get(task.task_id).fired_count)

    paused = client.pause(task.task_id)
    assert (paused.status, paused.HasField("next_run_at")) == (Task.PAUSED, False)
    assert paused.HasField("paused_at")
    again = client.pause(task.task_id)
    # The firing before may still run, and end between the two.
    assert (again.status, again.paused_at) == (paused.status, paused.paused_at)
    extra = client.run(task.task_id).last_execution
    eventually(lambda: client.get_execution(extra.id).status == TaskExecution.SUCCESS)
    eventually(lambda: time.time_ns() > paused.paused_at.ToNanoseconds() + 2 * SECOND)
    assert client.get(task.task_id).fired_count == paused.fired_count

    resumed = client.resume(task.task_id)
    assert not resumed.HasField("paused_at")
    assert 0 < resumed.next_run_at.ToNanoseconds() - resumed.updated_at.ToNanoseconds() <= SECOND
    after = eventually(lambda: (seen := client.get(task.task_id)).fired_count > paused.fired_count and seen)
    assert after.missed_count == paused.missed_count
    firing = next(
        run for run in runs(client, task) if run.scheduled_for.ToNanoseconds() > paused.paused_at.ToNanoseconds()
    )
    assert firing.scheduled_for == resumed.next_run_at


def test_a_paused_delay_is_held_over_its_time_and_runs_when_it_is_resumed(rest: Rest, client: TaskClient) -> None:
    task = client.create_task("held", delay_seconds=1, **QUICK)
    paused = rest.post(f"/api/tasks/{task.task_id}/pause", {})
    assert (paused["status"], paused["next_run_at"]) == ("PAUSED", None)
    eventually(lambda: time.time_ns() > task.next_run_at.ToNanoseconds() + 2 * SECOND)
    assert client.get(task.task_id).status == Task.PAUSED
    assert rest.post(f"/api/tasks/{task.task_id}/resume", {})["paused_at"] is None
    assert client.wait(task.task_id, timeout=20).status == TaskExecution.SUCCESS


def test_what_has_ended_can_not_be_paused_and_a_paused_task_can_be_stopped(rest: Rest, client: TaskClient) -> None:
    done = client.create_task("done", **QUICK)
    client.wait(done.task_id, timeout=20)
    with pytest.raises(task_manager.TaskEnded, match="nothing to pause"):
        client.pause(done.task_id)
    code, failure = rest.failure("POST", f"/api/tasks/{done.task_id}/pause", {})
    assert (code, failure.code, failure.reason) == (400, "FAILED_PRECONDITION", "TASK_ENDED")

    task = client.create_task("braked", cron_expression="@daily", **QUICK)
    client.pause(task.task_id)
    assert client.stop(task.task_id).task.status == Task.REVOKED
    with pytest.raises(task_manager.TaskNotFound):
        client.pause("no-such-task")


def test_a_preview_is_the_same_over_both_ports(api: Api, rest: Rest, client: TaskClient) -> None:
    query = "cron_expression=30%202%20*%20*%20*&time_zone=Europe/Berlin&count=2&after=2026-03-28T12:00:00Z"
    shown = rest.get(f"/api/scheduled-tasks/preview?{query}")
    assert shown == {
        "fire_times": [
            {
                "time": "2026-03-29T01:00:00Z",
                "local_time": "2026-03-29T03:00:00+02:00",
                "note": "02:30 does not exist on this day: fires at 03:00, when the clock goes forward",
            },
            {"time": "2026-03-30T00:30:00Z", "local_time": "2026-03-30T02:30:00+02:00", "note": ""},
        ],
        "description": "At 02:30, every day",
    }
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    answer = client.preview_schedule("30 2 * * *", time_zone="Europe/Berlin", count=2, after=after)
    assert [each.local_time for each in answer.fire_times] == [each["local_time"] for each in shown["fire_times"]]
    assert len(rest.get("/api/scheduled-tasks/preview?cron_expression=@hourly")["fire_times"]) == 10
    wrong = task_service_pb2.PreviewScheduleRequest(cron_expression="0 0 30 2 *", time_zone="Mars", count=101)
    failure = api.failure(api.tasks.PreviewSchedule, wrong)
    assert set(failure.violations) == {"cron_expression", "time_zone", "count"}
    _, over_rest = rest.failure(
        "GET", "/api/scheduled-tasks/preview?cron_expression=0%200%2030%202%20*&time_zone=Mars&count=101"
    )
    assert over_rest.violations == failure.violations
