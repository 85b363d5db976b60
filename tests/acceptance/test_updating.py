"""UpdateTask over both ports: what the mask names is changed, at once; what waits takes it over, what runs goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from acceptance_api import Api, Rest, task_of
from google.protobuf import field_mask_pb2, json_format

from task_manager import EtagMismatch, InvalidFields, TaskClient, TaskEnded, TaskStarted, to_python
from task_manager.v1 import task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

CODE = "def main(**named):\n    return named"
SLOW = "import time\ndef main(n):\n    print('begun')\n    time.sleep(1.5)\n    return n"

#: Task id, mask (None for none) and the task's fields, to the task in REST's JSON.
Update = Callable[..., dict[str, Any]]


@pytest.fixture(params=["rest", "grpc"])
def update(request: pytest.FixtureRequest, api: Api) -> Update:
    def over_rest(task_id: str, mask: str | None, **fields: Any) -> dict[str, Any]:
        query = "" if mask is None else f"?update_mask={mask}"
        return dict(api.rest.answer("PATCH", f"/api/tasks/{task_id}{query}", fields))

    def over_grpc(task_id: str, mask: str | None, **fields: Any) -> dict[str, Any]:
        task = task_of({"task_id": task_id, **fields})
        paths = field_mask_pb2.FieldMask(paths=mask.split(",") if mask else [])
        answer = api.call(api.tasks.UpdateTask, task_service_pb2.UpdateTaskRequest(task=task, update_mask=paths))
        return json_format.MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )

    return over_rest if request.param == "rest" else over_grpc


def delayed(client: TaskClient, **fields: Any) -> task_pb2.Task:
    """A task whose run waits."""
    return client.create_task(
        **{"name": "later", "delay_seconds": 3600, "function_code": CODE, "function_name": "main", **fields}
    )


def test_a_schedule_that_is_changed_fires_at_once(client: TaskClient, update: Update) -> None:
    task = client.create_task("rare", cron_expression="0 0 1 1 *", function_code=CODE, function_name="main")
    with_runs = client.watch(task.task_id)
    assert next(with_runs).type == 1

    after = update(task.task_id, None, cron_expression="* * * * * *")

    assert after["task_type"] == "scheduled"
    assert any(event.execution.status == TaskExecution.SUCCESS for event in with_runs)
    with_runs.close()
    fired = client.update_task(task.task_id, cron_expression="0 0 1 1 *").fired_count
    settled = client.get(task.task_id)
    assert settled.fired_count == fired
    assert settled.next_run_at.ToDatetime().month == 1
    client.stop(task.task_id)


def test_what_the_mask_names_is_changed_and_nothing_else(client: TaskClient, update: Update) -> None:
    task = delayed(client, module="billing", metadata={"a": 1, "b": {"c": 2}}, timeout=7, task_kwargs={"k": "v"})

    after = update(task.task_id, "name,module,metadata.b,timeout", name="new", metadata={"b": 3, "x": 4})

    assert (after["name"], after["module"], after["timeout"]) == ("new", "", 300.0)
    assert after["metadata"] == {"a": 1, "b": 3}
    assert (after["task_kwargs"], after["queue"], after["task_type"]) == ({"k": "v"}, "default", "delayed")
    run = client.get_execution(task.last_execution.id)
    assert (run.task_name, run.module, to_python(run.metadata)) == ("new", "", {"a": 1, "b": 3})


def test_without_a_mask_it_is_what_is_given(client: TaskClient, update: Update) -> None:
    task = delayed(client, module="billing", metadata={"a": 1})
    after = update(task.task_id, None, name="new")
    assert (after["name"], after["module"], after["metadata"]) == ("new", "billing", {"a": 1})


def test_a_patch_changes_the_keys_that_its_body_has(rest: Rest, client: TaskClient) -> None:
    task = delayed(client, metadata={"a": 1, "b": {"c": 2, "d.e": 3}}, retry_policy=None)
    body = {"metadata": {"b": {"d.e": 4}, "f": None}, "retry_policy": {"max_retries": 2}, "module": ""}
    after = rest.answer("PATCH", f"/api/tasks/{task.task_id}/", body)
    assert after["metadata"] == {"a": 1, "b": {"c": 2, "d.e": 4}, "f": None}
    assert after["retry_policy"]["max_retries"] == 2
    # A task that was read can be sent back as it is: what only the service says counts for nothing, and nothing has changed.
    whole = rest.get(f"/api/tasks/{task.task_id}")
    sent = {name: value for name, value in whole.items() if value is not None}
    assert rest.answer("PATCH", f"/api/tasks/{task.task_id}", sent) == whole


def test_a_star_replaces_the_whole(client: TaskClient, update: Update) -> None:
    task = delayed(client, module="billing", metadata={"a": 1})
    after = update(task.task_id, "*", name="new", api_url="https://example.com/", delay_seconds=7200)
    assert (after["name"], after["module"], after["api_url"]) == ("new", "", "https://example.com/")
    assert after.get("function_code", "") == ""
    assert task.created_at.ToDatetime() < client.get(task.task_id).next_run_at.ToDatetime()


def test_the_action_can_become_another(client: TaskClient, update: Update) -> None:
    task = delayed(client, task_kwargs={"k": "v"})
    after = update(task.task_id, None, api_url="https://example.com/", method="POST", data=[1])
    assert (after["api_url"], after["method"], after["data"]) == ("https://example.com/", "POST", [1])
    assert after["function_name"] == ""


def test_what_waits_runs_as_the_task_is_now(client: TaskClient, update: Update) -> None:
    task = delayed(client, task_kwargs={"old": 1})

    update(task.task_id, "delay_seconds,task_kwargs", delay_seconds=0, task_kwargs={"new": 2})

    run = client.wait(task.task_id, timeout=20)
    assert (to_python(run.result), to_python(run.task_kwargs)) == ({"new": 2}, {"new": 2})


def test_what_runs_goes_on_as_it_began(client: TaskClient, update: Update) -> None:
    task = client.create_task("slow", function_code=SLOW, function_name="main", task_args=[1])
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"

    after = update(task.task_id, None, task_args=[2])

    assert after["task_args"] == [2]
    run = client.wait(task.task_id, timeout=20)
    assert (to_python(run.result), to_python(run.task_args)) == (1, [1])
    client.run(task.task_id)
    assert to_python(client.wait(task.task_id, timeout=20).result) == 2


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_changed(client: TaskClient, api: Api) -> None:
    task = delayed(client)
    path = f"/api/tasks/{task.task_id}"
    status, failure = api.rest.failure(
        "PATCH",
        f"{path}?update_mask=name,timeout,function_code,queue",
        {"timeout": -1, "queue": "a b", "function_code": "def main(:"},
    )
    assert (status, failure.code, failure.reason) == (400, "INVALID_ARGUMENT", "INVALID_FIELDS")
    assert set(failure.violations) == {"task.name", "task.timeout", "task.function_code", "task.queue"}
    _, failure = api.rest.failure("PATCH", f"{path}?update_mask=name,colour,task_args.0", {"name": "n"})
    assert set(failure.violations) == {"update_mask.paths[1]", "update_mask.paths[2]"}
    _, failure = api.rest.failure("PATCH", path, {"cron_expression": "@daily"})
    assert set(failure.violations) == {"task.cron_expression"}
    request = task_service_pb2.UpdateTaskRequest(task=task_pb2.Task(name="n"))
    assert api.failure(api.tasks.UpdateTask, request).violations == {"task.task_id": "is required"}
    assert client.get(task.task_id) == client.get(task.task_id, view="FULL")
    assert client.get(task.task_id).etag == task.etag


def test_an_etag_keeps_what_another_one_changed(client: TaskClient, api: Api) -> None:
    task = delayed(client)
    changed = client.update_task(task.task_id, etag=task.etag, name="mine")
    assert changed.etag != task.etag
    with pytest.raises(EtagMismatch) as caught:
        client.update_task(task.task_id, etag=task.etag, name="theirs")
    assert caught.value.metadata == {"task_id": task.task_id}
    status, failure = api.rest.failure("PATCH", f"/api/tasks/{task.task_id}", {"etag": task.etag, "name": "theirs"})
    assert (status, failure.code, failure.reason) == (409, "ABORTED", "ETAG_MISMATCH")
    # The same again changes nothing, the etag included.
    assert client.update_task(task.task_id, etag=changed.etag, name="mine").etag == changed.etag


def test_a_time_that_has_come_and_a_task_that_was_stopped_are_not_changed(client: TaskClient, api: Api) -> None:
    task = delayed(client, delay_seconds=0)
    client.wait(task.task_id, timeout=20)
    with pytest.raises(TaskStarted):
        client.update_task(task.task_id, delay_seconds=60)
    status, failure = api.rest.failure("PATCH", f"/api/tasks/{task.task_id}", {"delay_seconds": 60})
    assert (status, failure.code, failure.reason) == (400, "FAILED_PRECONDITION", "TASK_STARTED")
    assert client.update_task(task.task_id, name="still fine").name == "still fine"

    stopped = delayed(client)
    client.stop(stopped.task_id)
    with pytest.raises(TaskEnded):
        client.update_task(stopped.task_id, name="n")


def test_somebody_elses_task_is_not_there(client: TaskClient, bob: Api) -> None:
    task = delayed(client)
    status, failure = bob.rest.failure("PATCH", f"/api/tasks/{task.task_id}", {"name": "bob's"})
    assert (status, failure.reason) == (404, "TASK_NOT_FOUND")
    assert client.get(task.task_id).name == "later"


def test_the_client_clears_what_it_is_told_to(client: TaskClient) -> None:
    task = delayed(client, module="billing", metadata={"a": 1, "b": 2})
    after = client.update_task(task.task_id, clear=["module", "metadata.a"], queue="default")
    assert (after.module, to_python(after.metadata)) == ("", {"b": 2})
    with pytest.raises(InvalidFields):
        client.update_task(task.task_id, clear=["name"])
