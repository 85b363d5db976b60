"""Reruns: past executions run again, with their own arguments, over both ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from acceptance_api import Api, Failure

from task_manager import ExecutionNotFound, InvalidFields, TaskClient, TaskEnded, to_python
from task_manager.v1 import execution_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

PATH = "/api/v1/tasks/executions/rerun"

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


def test_a_call_that_comes_again_makes_no_other_execution(client: TaskClient, api: Api, bob: Api) -> None:
    task = client.create_task("once", function_code=CODE, function_name="main")
    past = client.wait(task.task_id, timeout=20)
    path = f"/api/tasks/{task.task_id}/run"
    calls: list[tuple[str, dict[str, Any]]] = [
        (path, {"request_id": "run"}),
        (path, {"request_id": "rerun of", "rerun_of": past.id}),
        (PATH, {"request_id": "reruns", "ids": [past.id]}),
    ]
    firsts = [api.rest.post(*call) for call in calls]
    made = client.get(task.task_id).run_count
    assert made == 4
    for call, first in zip(calls, firsts, strict=True):
        again = api.rest.post(*call)
        if call[0] == PATH:
            assert [run["id"] for run in again["executions"]] == [run["id"] for run in first["executions"]]
            assert again["count"] == first["count"] == "1"
        else:
            assert again["last_execution"]["id"] == first["last_execution"]["id"]
        status, failure = api.rest.failure("POST", path, {"request_id": call[1]["request_id"], "rerun_of": "other"})
        assert (status, failure.reason, failure.metadata) == (
            409, "REQUEST_ID_REUSED", {"request_id": call[1]["request_id"]},
        )  # fmt: skip
        status, failure = api.rest.failure("POST", call[0], call[1] | {"request_id": "x" * 129})
        assert (status, list(failure.violations)) == (400, ["request_id"])
        if call[0] == path:
            assert bob.rest.failure("POST", *call)[0] == 404
    # Who only counts has not asked for it.
    assert api.rest.post(PATH, {"ids": [past.id], "request_id": "run", "validate_only": True})["count"] == "1"
    assert len({client.run(task.task_id, request_id="mine").last_execution.id for _ in range(2)}) == 1
    assert client.get(task.task_id).run_count == made + 1


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


class Reruns(NamedTuple):
    """An answer: new executions' ids by the ids that they repeat, and the count."""

    made: dict[str, str]
    count: int


RerunMany = Callable[..., Reruns]


@pytest.fixture(params=["rest", "grpc"])
def rerun(request: pytest.FixtureRequest, api: Api) -> RerunMany:
    def over_rest(**fields: Any) -> Reruns:
        answer = api.rest.post(PATH, fields)
        return Reruns({each["rerun_of"]: each["id"] for each in answer["executions"]}, int(answer["count"]))

    def over_grpc(**fields: Any) -> Reruns:
        message = execution_service_pb2.RerunExecutionsRequest(**fields)
        answer = api.call(api.executions.RerunExecutions, message)
        return Reruns({each.rerun_of: each.id for each in answer.executions}, answer.count)

    return over_rest if request.param == "rest" else over_grpc


def refused(api: Api, **fields: Any) -> Failure:
    """How both ports refuse it."""
    _, over_rest = api.rest.failure("POST", PATH, fields)
    over_grpc = api.failure(api.executions.RerunExecutions, execution_service_pb2.RerunExecutionsRequest(**fields))
    assert (over_rest.code, over_rest.reason) == (over_grpc.code, over_grpc.reason)
    assert over_rest.violations == over_grpc.violations
    assert over_rest.metadata == over_grpc.metadata
    return over_grpc


def test_executions_run_again_by_their_ids(client: TaskClient, rerun: RerunMany) -> None:
    tasks = [
        client.create_task("again", function_code=CODE, function_name="main", task_args=[number]) for number in range(3)
    ]
    ids = [client.wait(task.task_id, timeout=20).id for task in tasks]

    assert rerun(ids=ids, validate_only=True) == Reruns({}, 3)
    assert {client.get(task.task_id).run_count for task in tasks} == {1}
    events = client.watch(tasks[0].task_id, until_terminal=True, watch_token=next(client.list().pages).watch_token)
    made, count = rerun(ids=ids[::-1])

    assert (list(made), count) == (ids[::-1], 3)
    for number, task in enumerate(tasks):
        run = client.wait(task.task_id, timeout=20)
        assert (run.id, run.rerun_of) == (made[ids[number]], ids[number])
        assert result(run) == ["old", [number], {}]
    told = [event.execution.status for event in events if event.execution.rerun_of == ids[0]]
    assert (told[0], told[-1]) == (TaskExecution.PENDING, TaskExecution.SUCCESS)


def test_a_filter_runs_again_what_its_dry_run_counted(
    client: TaskClient, rerun: RerunMany, request: pytest.FixtureRequest
) -> None:
    module = f"rerun-{request.node.callspec.id}"

    def ended(code: str, **fields: Any) -> str:
        task = client.create_task("r", module=module, function_code=code, function_name="main", **fields)
        client.wait(task.task_id, timeout=20)
        return task.task_id

    failed = [ended("def main():\n    return 1 / 0") for _ in range(3)]
    good = ended(CODE, metadata={"team": "a"})
    waits = client.create_task("w", module=module, function_code=CODE, function_name="main", delay_seconds=3600)
    stopped = client.create_task("s", module=module, function_code=CODE, function_name="main", delay_seconds=3600)
    client.stop(stopped.task_id)
    client.register_execution(f"{module}-foreign", "t", module, initial_status="FAILURE")
    listed = client.list_executions(filter=f'module = "{module}" AND status = FAILURE')
    past = {run.id for run in listed if run.parent_task}
    assert len(past) == 3

    wanted = f'module = "{module}" AND status = FAILURE'
    assert rerun(filter=wanted, validate_only=True) == Reruns({}, 3)
    made, count = rerun(filter=wanted)
    assert (set(made), count) == (past, 3)
    for task_id in failed:
        assert client.wait(task_id, timeout=20).status == TaskExecution.FAILURE
        assert client.get(task_id).run_count == 2

    everything = f'module = "{module}"'
    assert rerun(filter=everything, validate_only=True).count == 7
    assert rerun(filter=f'{everything} AND metadata.team = "a"').count == 1
    assert client.wait(good, timeout=20).rerun_of
    assert rerun(filter=f"{everything} AND status = PENDING").count == 0
    assert client.get(waits.task_id).run_count == 1
    client.stop(waits.task_id)


def test_what_is_wrong_with_a_rerun_is_said_at_once(client: TaskClient, api: Api, bob: Api) -> None:
    task = client.create_task("one", function_code=CODE, function_name="main", delay_seconds=3600)
    own, foreign = task.last_execution.id, client.register_execution("rerun-foreign", "t", "m").id
    assert set(refused(api).violations) == set(refused(api, filter=" ").violations) == {"ids"}
    assert set(refused(api, ids=[own, "", own]).violations) == {"ids[1]", "ids[2]"}
    assert "at most 1,000 ids, not 1,001" in refused(api, ids=[str(n) for n in range(1001)]).violations["ids"]
    both = refused(api, ids=["a", "a"], filter="nonsense = 1", my_tasks=True, created_by="admin")
    assert set(both.violations) == {"ids[1]", "filter", "my_tasks", "created_by"}
    assert set(refused(api, filter="nonsense = 1").violations) == {"filter"}

    assert refused(api, ids=[own, "unknown"]).reason == "EXECUTION_NOT_FOUND"
    assert refused(api, ids=[own, foreign]).reason == "EXECUTION_FOREIGN"
    for dry in (True, False):
        unseen = refused(bob, ids=[own], validate_only=dry)
        assert (unseen.code, unseen.metadata) == ("NOT_FOUND", {"id": own})
    # Permission comes first, whatever else is wrong.
    for wanted in (
        {"filter": "nonsense = 1", "my_tasks": False},
        {"ids": [own], "created_by": "admin"},
        {"my_tasks": False},
    ):
        assert refused(bob, **wanted).reason == "PERMISSION_MISSING"
    client.stop(task.task_id)
    ended = refused(api, ids=[own], validate_only=True)
    assert (ended.code, ended.reason, ended.metadata) == (
        "FAILED_PRECONDITION",
        "TASK_ENDED",
        {"task_id": task.task_id},
    )


def test_an_admin_runs_again_what_is_others(client: TaskClient, bob: Api) -> None:
    body = {"name": "bob's", "module": "bobs", "function_code": CODE, "function_name": "main"}
    task = bob.rest.post("/api/tasks", body)
    client.wait(task["task_id"], timeout=20)
    assert client.rerun_executions(filter='module = "bobs"').count == 0
    made = client.rerun_executions(filter='module = "bobs"', my_tasks=False).executions
    assert [each.created_by_id for each in made] == ["bob"]
    client.wait(task["task_id"], timeout=20)
    assert client.rerun_executions(filter='module = "bobs"', created_by="bob", validate_only=True).count == 2
