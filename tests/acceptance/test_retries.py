"""Attempts that fail are made again, runs end by their deadline, and all of it can be seen from outside."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from acceptance_stack import Stack
from acceptance_target import Target

from task_manager import TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import RetryPolicy, Task

Attempt = TaskExecution.Attempt
REASON = TaskExecution.FailureReason
SOON = {"initial_backoff": 0.2, "backoff_multiplier": 1.0}
FAILS: dict[str, Any] = {
    "function_code": "def main():\n    print('Versuch läuft')\n    raise ValueError('not today')",
    "function_name": "main",
}
ENDLESS: dict[str, Any] = {
    "function_code": "def main():\n    print('begun')\n    while True:\n        pass",
    "function_name": "main",
}


def outcomes(execution: TaskExecution) -> list[str]:
    return [Attempt.Outcome.Name(attempt.outcome) for attempt in execution.attempts]


def ns(time: Any) -> int:
    return int(time.ToNanoseconds())


def test_a_task_that_fails_is_tried_again_and_keeps_every_attempt(client: TaskClient) -> None:
    policy = RetryPolicy(max_retries=2, **SOON)
    task = client.create_task("fails", retry_policy=policy, **FAILS)
    assert (task.retry_policy.max_retries, task.retry_policy.max_backoff) == (2, 600)

    execution = client.wait(task.task_id, timeout=60)

    assert (execution.status, execution.failure_reason) == (TaskExecution.FAILURE, TaskExecution.EXCEPTION)
    assert execution.error == "ValueError: not today"
    assert "line 3, in main" in execution.traceback
    assert outcomes(execution) == ["FAILED"] * 3
    printed = "Versuch läuft\n"
    size = len(printed.encode())
    assert "".join(client.logs(execution.id)) == printed * 3
    for index, attempt in enumerate(execution.attempts):
        assert (attempt.number, attempt.error) == (index + 1, "ValueError: not today")
        assert attempt.failure_reason == TaskExecution.EXCEPTION
        assert attempt.worker.startswith("worker@")
        assert (attempt.log_offset, attempt.log_bytes) == (index * size, size)
        assert "".join(client.logs(execution.id, offset=attempt.log_offset)) == printed * (3 - index)
    for earlier, later in zip(execution.attempts, execution.attempts[1:], strict=False):
        waited = ns(later.started_at) - ns(earlier.finished_at)
        assert 200_000_000 <= waited < 15_000_000_000


def test_a_watcher_sees_the_retry(client: TaskClient) -> None:
    code = "import time\ndef main(after):\n    if time.time() < after:\n        raise ValueError('early')\n    return 'late'"
    task = client.create_task(
        "early",
        function_code=code,
        function_name="main",
        task_args=[time.time() + 2],
        retry_policy=RetryPolicy(max_retries=1, initial_backoff=2.5),
    )
    events = list(client.watch(task.task_id, until_terminal=True, watch_token=task.watch_token))
    seen = [
        (Task.Status.Name(event.task.status), TaskExecution.Status.Name(event.execution.status)) for event in events
    ]
    assert seen == [(word, word) for word in ("STARTED", "RETRY", "STARTED", "SUCCESS")]
    errors = [(event.execution.error, REASON.Name(event.execution.failure_reason)) for event in events]
    nothing = ("", "FAILURE_REASON_UNSPECIFIED")
    assert errors == [nothing, ("ValueError: early", "EXCEPTION"), nothing, nothing]
    assert to_python(client.wait(task.task_id, timeout=30).result) == "late"


def test_an_api_task_comes_back_when_the_answer_says_so(client: TaskClient, target: Target) -> None:
    task = client.create_task(
        "busy",
        api_url=f"{target.url}/busy/{uuid.uuid4()}",
        params={"times": 2, "retry_after": "1"},
        retry_policy=RetryPolicy(max_retries=5, initial_backoff=0.01, max_backoff=0.01),
    )
    execution = client.wait(task.task_id, timeout=60)

    assert (execution.status, outcomes(execution)) == (TaskExecution.SUCCESS, ["FAILED", "FAILED", "SUCCEEDED"])
    assert to_python(execution.result)["body"] == "done"
    assert execution.error == ""
    assert execution.failure_reason == TaskExecution.FAILURE_REASON_UNSPECIFIED
    for attempt in execution.attempts[:2]:
        assert attempt.error == "expected status 2xx, got 503 Service Unavailable"
        assert attempt.failure_reason == TaskExecution.UNEXPECTED_STATUS
    for earlier, later in zip(execution.attempts, execution.attempts[1:], strict=False):
        assert ns(later.started_at) - ns(earlier.finished_at) >= 1_000_000_000
    assert target.next_request().path == target.next_request().path == target.next_request().path
    assert target.has_no_request()


def test_a_status_that_is_not_chosen_is_not_tried_again(client: TaskClient, target: Target) -> None:
    policy = RetryPolicy(max_retries=3, retry_statuses=[404], **SOON)
    tries = {}
    for status in (404, 503):
        task = client.create_task("status", api_url=f"{target.url}/status/{status}", retry_policy=policy)
        execution = client.wait(task.task_id, timeout=60)
        assert to_python(execution.result)["status"] == status
        tries[status] = outcomes(execution)
    assert tries == {404: ["FAILED"] * 4, 503: ["FAILED"]}


def test_code_without_an_end_ends_at_the_deadline(client: TaskClient) -> None:
    policy = RetryPolicy(max_retries=100, **SOON)
    task = client.create_task("endless", deadline_seconds=1.5, timeout=60, retry_policy=policy, **ENDLESS)
    execution = client.wait(task.task_id, timeout=60)

    assert (execution.status, execution.failure_reason) == (TaskExecution.FAILURE, TaskExecution.DEADLINE_EXCEEDED)
    assert execution.error == "its deadline passed while it ran"
    assert ns(execution.deadline_at) == ns(execution.due_at) + 1_500_000_000
    assert ns(execution.finished_at) - ns(execution.deadline_at) < 40_000_000_000
    assert outcomes(execution) == ["FAILED"]


def test_retries_end_with_the_deadline(client: TaskClient) -> None:
    policy = RetryPolicy(max_retries=100, initial_backoff=0.3, backoff_multiplier=2)
    task = client.create_task("until", deadline_seconds=1.5, retry_policy=policy, **FAILS)
    execution = client.wait(task.task_id, timeout=60)
    assert execution.status == TaskExecution.FAILURE
    assert "ValueError: not today" in execution.error
    assert 1 <= len(execution.attempts) <= 4
    assert ns(execution.attempts[-1].started_at) < ns(execution.deadline_at)


def test_what_no_worker_takes_ends_at_its_deadline(client: TaskClient) -> None:
    task = client.create_task("alone", queue="nobody-serves-it", deadline_seconds=1, **FAILS)
    events = client.watch(task.task_id, until_terminal=True, watch_token=task.watch_token)
    assert [Task.Status.Name(event.task.status) for event in events] == ["FAILURE"]
    execution = client.wait(task.task_id, timeout=30)
    assert execution.failure_reason == TaskExecution.DEADLINE_EXCEEDED
    assert (execution.error, len(execution.attempts)) == ("its deadline passed before it began", 0)


def test_a_stop_between_two_tries_ends_it(client: TaskClient) -> None:
    task = client.create_task(
        "stopped", retry_policy=RetryPolicy(max_retries=5, initial_backoff=3600, max_backoff=3600), **FAILS
    )
    for event in client.watch(task.task_id):
        if event.execution.status == TaskExecution.RETRY:
            break
    waiting = client.get(task.task_id)
    assert (waiting.status, waiting.last_execution.error) == (Task.RETRY, "ValueError: not today")
    answer = client.stop(task.task_id)
    assert answer.task.status == Task.REVOKED
    execution = client.wait(task.task_id, timeout=30)
    assert (execution.status, outcomes(execution)) == (TaskExecution.REVOKED, ["FAILED"])


def test_a_retry_survives_the_death_of_everything(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    stack.start()
    client = stack.client()
    task = client.create_task("survives", retry_policy=RetryPolicy(max_retries=1, initial_backoff=3), **FAILS)
    for event in client.watch(task.task_id):
        if event.execution.status == TaskExecution.RETRY:
            break
    stack.kill()
    stack.start()
    execution = stack.client().wait(task.task_id, timeout=60)
    assert outcomes(execution) == ["FAILED", "FAILED"]
    assert ns(execution.attempts[1].started_at) - ns(execution.attempts[0].finished_at) >= 3_000_000_000


def test_a_wrong_policy_names_all_its_fields_over_rest_too(rest: Any) -> None:
    body = {
        "name": "wrong",
        **FAILS,
        "deadline_seconds": -1,
        "retry_policy": {"max_retries": 101, "retry_statuses": [503]},
    }
    status, failure = rest.failure("POST", "/api/tasks", body)
    assert status == 400
    assert set(failure.violations) == {
        "task.deadline_seconds",
        "task.retry_policy.max_retries",
        "task.retry_policy.retry_statuses",
    }


def test_a_policy_is_shown_over_rest_as_it_was_given(rest: Any) -> None:
    policy = {"max_retries": 2, "initial_backoff": 0.5, "backoff_multiplier": 3, "max_backoff": 60, "jitter": 0.25,
              "retry_statuses": [503], "retry_reasons": ["UNEXPECTED_STATUS", "TIMEOUT"]}  # fmt: skip
    body = {"name": "shown", "api_url": "https://example.com/", "delay_seconds": 3600, "retry_policy": policy}
    made = rest.post("/api/tasks", body | {"deadline_seconds": 90})
    task = rest.get(f"/api/tasks/{made['task_id']}")
    assert (task["retry_policy"], task["deadline_seconds"]) == (policy, 90)
    rest.send("DELETE", f"/api/tasks/{made['task_id']}")
