"""StopTasks ends all that matches a filter; and of many stops that race the end of a run, each tells the truth."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from acceptance_api import Api

from task_manager import PermissionMissing, TaskClient
from task_manager.v1 import task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

CODE = "def main():\n    return 1"
SLEEPS = "import time\ndef main(seconds):\n    print('begun')\n    time.sleep(seconds)"

#: The filter in JSON, to the count.
StopMany = Callable[..., int]
_Outcome = task_service_pb2.StopTaskResponse.Outcome


@pytest.fixture(params=["rest", "grpc"])
def stop_many(request: pytest.FixtureRequest, api: Api) -> StopMany:
    def over_rest(**fields: Any) -> int:
        return int(api.rest.post("/api/tasks/stop", fields)["count"])

    def over_grpc(**fields: Any) -> int:
        return int(api.call(api.tasks.StopTasks, task_service_pb2.StopTasksRequest(**fields)).count)

    return over_rest if request.param == "rest" else over_grpc


def test_all_that_match_and_have_not_ended_are_stopped(
    client: TaskClient, stop_many: StopMany, request: pytest.FixtureRequest
) -> None:
    module = f"many-{request.node.callspec.id}"
    done = client.create_task("done", module=module, function_code=CODE, function_name="main")
    client.wait(done.task_id, timeout=20)
    waits = [
        client.create_task("waits", module=module, delay_seconds=3600, function_code=CODE, function_name="main")
        for _ in range(120)
    ]
    cron = client.create_task("c", module=module, cron_expression="@yearly", function_code=CODE, function_name="main")
    runs = client.create_task("runs", module=module, function_code=SLEEPS, function_name="main", task_args=[60])
    assert next(client.logs(runs.last_execution.id, follow=True)) == "begun\n"
    other = client.create_task("waits", delay_seconds=3600, function_code=CODE, function_name="main")

    assert stop_many(module=module, validate_only=True) == 122
    assert client.stats(module=module).by_status == {"SUCCESS": 1, "SCHEDULED": 121, "STARTED": 1}
    assert stop_many(module=module, name="waits", task_type="delayed", status="SCHEDULED") == 120
    assert stop_many(module=module) == 2

    assert client.wait(runs.task_id, timeout=20).status == TaskExecution.REVOKED
    assert client.stats(module=module).by_status == {"SUCCESS": 1, "REVOKED": 122}
    assert not client.get(cron.task_id).HasField("next_run_at")
    assert client.get(waits[-1].task_id).status == task_pb2.Task.REVOKED
    assert client.get(other.task_id).status == task_pb2.Task.SCHEDULED
    assert (stop_many(module=module), stop_many(module=module, validate_only=True)) == (0, 0)
    client.stop(other.task_id)


def test_by_an_expression_as_many_are_stopped_as_the_list_has(
    client: TaskClient, stop_many: StopMany, request: pytest.FixtureRequest
) -> None:
    module = f"expression-{request.node.callspec.id}"
    for number in range(12):
        client.create_task(
            "waits",
            module=module,
            delay_seconds=3600,
            function_code=CODE,
            function_name="main",
            metadata={"number": number},
        )
    done = client.create_task("done", module=module, function_code=CODE, function_name="main", metadata={"number": 11})
    client.wait(done.task_id, timeout=20)
    wanted = f'module = "{module}" AND metadata.number >= 5'
    # What has ended matches too, and there is nothing of it to stop.
    assert next(client.list(filter=wanted).pages).total_size == 8
    unended = f"{wanted} AND status = SCHEDULED"
    listed = [task.task_id for task in client.list(filter=unended)]

    assert stop_many(filter=wanted, validate_only=True) == stop_many(filter=unended, validate_only=True) == 7
    assert len(listed) == next(client.list(filter=unended).pages).total_size == 7
    assert stop_many(filter=f"{wanted} AND metadata.number < 7", status="SCHEDULED") == 2
    assert stop_many(filter=wanted) == 5

    assert {client.get(task_id).status for task_id in listed} == {task_pb2.Task.REVOKED}
    assert client.stats(module=module).by_status == {"SCHEDULED": 5, "REVOKED": 7, "SUCCESS": 1}
    assert (stop_many(filter=wanted, validate_only=True), stop_many(filter=wanted)) == (0, 0)
    assert client.stop_tasks(module=module) == 5


def test_a_filter_has_to_say_something(api: Api, bob: Api) -> None:
    for caller in (api, bob):
        for body in ({}, {"validate_only": True}, {"filter": " \n"}):
            status, failure = caller.rest.failure("POST", "/api/tasks/stop", body)
            assert (status, failure.code) == (400, "INVALID_ARGUMENT")
            assert (
                "at least one of status, task_type, module, name, created_by, filter and my_tasks"
                in failure.violations["my_tasks"]
            )
    status, failure = api.rest.failure("POST", "/api/tasks/stop", {"task_type": "never"})
    assert set(failure.violations) == {"task_type"}
    status, failure = api.rest.failure("POST", "/api/tasks/stop", {"task_type": "never", "filter": "colour = red"})
    assert set(failure.violations) == {"task_type", "filter"}


def test_others_tasks_are_stopped_by_those_who_may_see_them_only(client: TaskClient, api: Api, bob: Api) -> None:
    body = {"name": "stopped by bob", "delay_seconds": 3600, "function_code": CODE, "function_name": "main"}
    made = bob.rest.post("/api/tasks", body)
    # Permission comes first, whatever else is wrong, and whether there is anything or not.
    for wanted in ({"my_tasks": False, "task_type": "never"}, {"created_by": "admin"}, {"my_tasks": False}):
        status, failure = bob.rest.failure("POST", "/api/tasks/stop", wanted)
        assert (status, failure.reason) == (403, "PERMISSION_MISSING")
    assert client.stop_tasks(name="stopped by bob") == 0
    assert client.stop_tasks(name="stopped by bob", created_by="bob", validate_only=True) == 1
    assert bob.rest.post("/api/tasks/stop", {"my_tasks": True, "name": "stopped by bob"}) == {"count": "1"}
    assert bob.rest.get(f"/api/tasks/{made['task_id']}")["status"] == "REVOKED"


def test_the_client_tells_a_missing_permission(stack: Any) -> None:
    with pytest.raises(PermissionMissing):
        stack.client(stack.token("eve")).stop_tasks(my_tasks=False)


def test_200_stops_that_race_the_end_of_a_run_agree_with_what_is_stored(client: TaskClient) -> None:
    found: Counter[tuple[str, str, tuple[str, ...]]] = Counter()

    def race(number: int) -> None:
        chance = random.Random(number)
        task = client.create_task(
            "races", module="races", function_code=SLEEPS, function_name="main", task_args=[chance.uniform(0, 0.1)]
        )
        time.sleep(chance.uniform(0, 0.2))
        answer = client.stop(task.task_id)
        said = _Outcome.Name(answer.outcome)
        run = client.get_execution(task.last_execution.id)
        attempts = tuple(TaskExecution.Attempt.Outcome.Name(attempt.outcome) for attempt in run.attempts)
        found[said, TaskExecution.Status.Name(run.status), attempts] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(race, range(200)))

    assert sum(found.values()) == 200
    assert set(found) <= {
        ("NEVER_STARTED", "REVOKED", ()),
        ("KILLED", "REVOKED", ("STOPPED",)),
        ("ALREADY_DONE", "SUCCESS", ("SUCCEEDED",)),
    }, found
    assert len(found) >= 2, f"no race: {found}"
    by_status = client.stats(module="races").by_status
    ends = Counter({"REVOKED": 0, "SUCCESS": 0})
    for (_, status, _), count in found.items():
        ends[status] += count
    assert dict(by_status) == {status: count for status, count in ends.items() if count}
