"""StopTask says what really happened, DeleteTask keeps the history, RunTask makes one more."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from acceptance_api import Api
from acceptance_stack import Stack
from acceptance_target import Target

from task_manager import TaskClient, TaskEnded, TaskNotFound, to_python
from task_manager.v1 import task_pb2, task_service_pb2
from task_manager.v1.execution_pb2 import TaskExecution

SLEEPS = "import time\ndef main():\n    print('begun')\n    time.sleep(60)"
CODE = "def main():\n    return 1"

#: Task id to what happened in all, and to each execution.
Stop = Callable[[str], tuple[str, dict[str, str]]]


@pytest.fixture(params=["rest", "grpc"])
def stop(request: pytest.FixtureRequest, api: Api) -> Stop:
    def over_rest(task_id: str) -> tuple[str, dict[str, str]]:
        answer = api.rest.post(f"/api/tasks/{task_id}/stop")
        return answer["outcome"], {each["id"]: each["outcome"] for each in answer["executions"]}

    def over_grpc(task_id: str) -> tuple[str, dict[str, str]]:
        answer = api.call(api.tasks.StopTask, task_service_pb2.StopTaskRequest(task_id=task_id))
        name = task_service_pb2.StopTaskResponse.Outcome.Name
        return name(answer.outcome), {each.id: name(each.outcome) for each in answer.executions}

    return over_rest if request.param == "rest" else over_grpc


def begun(client: TaskClient, task: task_pb2.Task) -> str:
    """The execution's id, once its code runs."""
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    return task.last_execution.id


def test_a_waiting_task_is_never_started(client: TaskClient, stop: Stop) -> None:
    task = client.create_task("waits", delay_seconds=3600, function_code=CODE, function_name="main")
    execution_id = task.last_execution.id
    assert stop(task.task_id) == ("NEVER_STARTED", {execution_id: "NEVER_STARTED"})
    after = client.get(task.task_id)
    assert (after.status, after.HasField("next_run_at")) == (task_pb2.Task.REVOKED, False)
    execution = client.get_execution(execution_id)
    assert (execution.status, list(execution.attempts)) == (TaskExecution.REVOKED, [])
    assert execution.HasField("finished_at")


def test_a_cron_task_fires_no_more(client: TaskClient, stop: Stop) -> None:
    task = client.create_task("cron", cron_expression="0 0 1 1 *", function_code=CODE, function_name="main")
    assert stop(task.task_id) == ("NEVER_STARTED", {})
    after = client.get(task.task_id)
    assert (after.status, after.HasField("next_run_at")) == (task_pb2.Task.REVOKED, False)


def test_running_code_is_killed(client: TaskClient, stop: Stop) -> None:
    task = client.create_task("sleeps", function_code=SLEEPS, function_name="main")
    execution_id = begun(client, task)
    assert stop(task.task_id) == ("KILLED", {execution_id: "KILLED"})
    execution = client.get_execution(execution_id)
    assert execution.status == TaskExecution.REVOKED
    assert execution.duration < 10
    assert [attempt.outcome for attempt in execution.attempts] == [TaskExecution.Attempt.STOPPED]
    assert client.get(task.task_id).status == task_pb2.Task.REVOKED


def test_a_running_call_is_killed(client: TaskClient, target: Target, stop: Stop) -> None:
    task = client.create_task("calls", api_url=f"{target.url}/drip")
    target.next_request()
    assert stop(task.task_id) == ("KILLED", {task.last_execution.id: "KILLED"})
    assert client.get(task.task_id).status == task_pb2.Task.REVOKED


def test_a_run_whose_worker_does_not_answer_is_unreachable_and_stopped_later(
    stack: Stack, client: TaskClient, stop: Stop
) -> None:
    task = client.create_task("sleeps", function_code=SLEEPS, function_name="main")
    execution_id = begun(client, task)
    worker = stack.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        assert stop(task.task_id) == ("UNREACHABLE", {execution_id: "UNREACHABLE"})
        assert client.get(task.task_id).status == task_pb2.Task.STARTED
    finally:
        os.kill(worker, signal.SIGCONT)
    assert client.wait(task.task_id, timeout=20).status == TaskExecution.REVOKED


def test_a_task_that_has_ended_is_already_done(client: TaskClient, stop: Stop) -> None:
    task = client.create_task("done", function_code=CODE, function_name="main")
    client.wait(task.task_id, timeout=20)
    assert stop(task.task_id) == ("ALREADY_DONE", {})
    assert client.get(task.task_id).status == task_pb2.Task.SUCCESS


def test_stopping_twice_is_no_error(client: TaskClient, stop: Stop) -> None:
    task = client.create_task("waits", delay_seconds=3600, function_code=CODE, function_name="main")
    assert stop(task.task_id)[0] == "NEVER_STARTED"
    assert stop(task.task_id)[0] == "ALREADY_DONE"


def test_a_stopped_task_does_not_run_again(client: TaskClient, api: Api) -> None:
    task = client.create_task("waits", delay_seconds=3600, function_code=CODE, function_name="main")
    client.stop(task.task_id)
    with pytest.raises(TaskEnded):
        client.run(task.task_id)
    status, failure = api.rest.failure("POST", f"/api/tasks/{task.task_id}/run")
    assert (status, failure.code, failure.reason) == (400, "FAILED_PRECONDITION", "TASK_ENDED")
    assert failure.metadata == {"task_id": task.task_id}


def test_a_deleted_task_is_stopped_and_its_history_stays(client: TaskClient, api: Api) -> None:
    task = client.create_task("deleted", module="deleted", function_code=SLEEPS, function_name="main")
    execution_id = begun(client, task)
    events = client.watch(task.task_id, until_terminal=True)
    assert next(events).type == 1
    client.delete(task.task_id)
    assert [event.type for event in events][-1] == 3
    with pytest.raises(TaskNotFound):
        client.get(task.task_id)
    with pytest.raises(TaskNotFound):
        client.delete(task.task_id)
    assert api.rest.get("/api/tasks?module=deleted")["tasks"] == []
    assert client.stats(module="deleted").total == 0
    # Ends when the child is seen dead; the log's stream waits for it.
    assert list(client.logs(execution_id, follow=True)) == ["begun\n"]
    assert client.get_execution(execution_id).status == TaskExecution.REVOKED
    assert [run.id for run in client.list_executions(module="deleted")] == [execution_id]


def test_a_task_runs_once_more(client: TaskClient, api: Api) -> None:
    task = client.create_task("again", function_code=CODE, function_name="main")
    client.wait(task.task_id, timeout=20)
    again = api.rest.post(f"/api/tasks/{task.task_id}/run/")
    assert again["last_execution"]["id"] != task.last_execution.id
    execution = client.wait(task.task_id, timeout=20)
    assert execution.id == again["last_execution"]["id"]
    assert to_python(execution.result) == 1
    assert client.get(task.task_id).run_count == 2
    assert len(list(client.list_executions(parent_task=task.task_id))) == 2
