"""Reruns: past executions run again, with their own arguments, over both ports."""

from __future__ import annotations

import pytest
from acceptance_api import Api

from task_manager import ExecutionNotFound, InvalidFields, TaskClient, TaskEnded, to_python
from task_manager.v1.execution_pb2 import TaskExecution

CODE = "def main(*args, **kwargs):\n    return ['old', args, kwargs]"
NEWER = CODE.replace("old", "new")


def result(execution: TaskExecution) -> object:
    assert execution.status == TaskExecution.SUCCESS, execution.error
    return to_python(execution.result)


def test_a_past_execution_of_a_task_runs_again_with_its_arguments(client: TaskClient, api: Api) -> None:
    task = client.create_task(
        "again", function_code=CODE, function_name="main", task_args=[1, "ü"], task_kwargs={"k": None}
    )
    past = client.wait(task.task_id, timeout=20)
    client.update_task(task.task_id, function_code=NEWER, task_args=[2], clear=["task_kwargs"])

    again = api.rest.post(f"/api/tasks/{task.task_id}/run", {"rerun_of": past.id})

    assert again["last_execution"]["rerun_of"] == past.id
    run = client.wait(task.task_id, timeout=20)
    assert (run.id, run.rerun_of) == (again["last_execution"]["id"], past.id)
    assert (to_python(run.task_args), to_python(run.task_kwargs)) == ([1, "ü"], {"k": None})
    assert result(run) == ["new", [1, "ü"], {"k": None}]
    client.run(task.task_id)
    assert result(client.wait(task.task_id, timeout=20)) == ["new", [2], {}]
    third = client.run(task.task_id, rerun_of=run.id).last_execution
    assert third.rerun_of == run.id
    assert result(client.wait(task.task_id, timeout=20)) == ["new", [1, "ü"], {"k": None}]


def test_a_task_repeats_no_execution_but_its_own(client: TaskClient, api: Api, bob: Api) -> None:
    task = client.create_task("one", function_code=CODE, function_name="main", delay_seconds=3600)
    other = client.create_task("two", function_code=CODE, function_name="main", delay_seconds=3600)
    body = {"name": "bob's", "delay_seconds": 3600, "function_code": CODE, "function_name": "main"}
    theirs = bob.rest.post("/api/tasks", body)
    path = f"/api/tasks/{theirs['task_id']}/run"
    unseen = [
        bob.rest.failure("POST", path, {"rerun_of": execution_id})
        for execution_id in (task.last_execution.id, "no-such-execution")
    ]
    assert [(status, failure.reason) for status, failure in unseen] == [(404, "EXECUTION_NOT_FOUND")] * 2
    with pytest.raises(ExecutionNotFound):
        client.run(task.task_id, rerun_of="no-such-execution")
    with pytest.raises(InvalidFields) as refused:
        client.run(task.task_id, rerun_of=other.last_execution.id)
    assert [violation.field for violation in refused.value.violations] == ["rerun_of"]
    client.stop(task.task_id)
    with pytest.raises(TaskEnded):
        client.run(task.task_id, rerun_of=task.last_execution.id)
