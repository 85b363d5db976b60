"""`task-server up` ends with work in flight and goes on where it stopped when it is started again on the same directory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Thread
from typing import Any, Generic, TypeVar

from acceptance_api import rest_failure
from acceptance_stack import Stack, eventually

from task_manager import TaskClient, to_python
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.task_pb2 import Task

Outcome = TaskExecution.Attempt.Outcome
T = TypeVar("T")
SOON_LOST = {"LEASE_SECONDS": "3", "HEARTBEAT_SECONDS": "1"}


@dataclass
class InFlight:
    """Tasks in every state that a restart may meet, and the watch token from before they were made."""

    token: str
    done: Task
    running: Task
    delayed: Task
    cron: Task


#: Runs until a time, so that a second attempt need not take as long as the first.
SLOW = (
    "import time\ndef main(until):\n    print('begun')\n    time.sleep(max(0, until - time.time()))\n    return 'ended'"
)


def begin_slow(client: TaskClient, seconds: float) -> Task:
    """A task that runs, and will for so long."""
    task = client.create_task("slow", function_code=SLOW, function_name="main", task_args=[time.time() + seconds])
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    return task


def begin_work(client: TaskClient, run_seconds: float) -> InFlight:
    """One task has ended, one runs, one waits for its time, one goes by cron."""
    code = "def main():\n    return 1"
    done = client.create_task("done", function_code=code, function_name="main")
    client.wait(done.task_id, timeout=30)
    running = begin_slow(client, run_seconds)
    delayed = client.create_task("delayed", delay_seconds=2, function_code=code, function_name="main")
    cron = client.create_task(
        "cron", cron_expression="* * * * * *", max_runs=3, function_code=code, function_name="main"
    )
    return InFlight(done.watch_token, done, running, delayed, cron)


class Watch(Generic[T]):
    """A stream that is read in the background; it is made when its state has come, and the first changes may follow."""

    def __init__(self, stream: Iterator[T]) -> None:
        self._found: list[T] = []
        for _ in range(2):  # the task as it is, and the bookmark
            next(stream)
        self._thread = Thread(target=lambda: self._found.extend(stream))
        self._thread.start()

    def rest(self) -> list[T]:
        """All that followed, once it has ended."""
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        return self._found


def rest_lines(stack: Stack, task: Task) -> Iterator[dict[str, Any]]:
    with stack.api().rest.lines(f"/api/tasks/{task.task_id}/watch") as lines:
        yield from lines


def client_events(client: TaskClient, task: Task) -> Iterator[TaskEvent]:
    return client.watch(task.task_id, until_terminal=True)


def outcomes(execution: TaskExecution) -> list[str]:
    return [Outcome.Name(attempt.outcome) for attempt in execution.attempts]


def assert_goes_on(client: TaskClient, work: InFlight, running: list[str]) -> None:
    """All of it ends well, and the running one had these attempts."""
    execution = client.wait(work.running.task_id, timeout=60)
    assert to_python(execution.result) == "ended"
    assert outcomes(execution) == running
    delayed = client.wait(work.delayed.task_id, timeout=30)
    assert outcomes(delayed) == ["SUCCEEDED"]
    assert delayed.started_at.ToNanoseconds() >= delayed.due_at.ToNanoseconds()
    client.wait(work.cron.task_id, timeout=30)
    assert client.get(work.cron.task_id).run_count == 3
    times = [run.scheduled_for.ToNanoseconds() for run in client.list_executions(parent_task=work.cron.task_id)]
    assert len(set(times)) == 3
    assert client.get(work.done.task_id).status == Task.SUCCESS
    assert_every_change_is_told_once(client, work)


def assert_every_change_is_told_once(client: TaskClient, work: InFlight) -> None:
    """A watcher from before sees each run move forward only, across the restart."""
    order = ["SCHEDULED", "PENDING", "STARTED", "SUCCESS"]
    ids = {task.task_id for task in (work.done, work.running, work.delayed)}
    seen: dict[str, list[str]] = {task_id: [] for task_id in ids}
    tokens: list[str] = []
    for event in client.watch(watch_token=work.token):
        tokens.append(event.watch_token)
        if event.task.task_id in ids:
            seen[event.task.task_id].append(Task.Status.Name(event.task.status))
        if all(statuses[-1:] == ["SUCCESS"] for statuses in seen.values()):
            break
    assert len(set(tokens)) == len(tokens)
    for task_id in (work.done.task_id, work.delayed.task_id):
        assert seen[task_id] == sorted(seen[task_id], key=order.index)
        assert seen[task_id].count("SUCCESS") == 1


def test_at_the_end_a_short_run_is_finished_and_a_long_one_given_back(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(DRAIN_SECONDS="1")
    stack.start()
    client = stack.client()
    admin, bob = stack.admin_token, stack.token("bob")
    work = begin_work(client, 9)
    short = begin_slow(client, 1)
    over_rest, over_client = Watch(rest_lines(stack, work.running)), Watch(client_events(client, work.running))
    assert (stack.data_dir / "admin.token").stat().st_mode & 0o777 == 0o600
    stack.stop()
    stack.start()
    assert outcomes(client.wait(short.task_id, timeout=30)) == ["SUCCEEDED"]
    assert_goes_on(client, work, ["RELEASED", "SUCCEEDED"])
    # The stream of the gateway ended with a word, the client's went on by itself.
    (end,) = [rest_failure(json.dumps(line["error"])) for line in over_rest.rest() if "error" in line]
    assert (end.code, end.retry_seconds) == ("UNAVAILABLE", 1)
    events = over_client.rest()
    assert [Task.Status.Name(event.task.status) for event in events] == ["PENDING", "STARTED", "SUCCESS"]
    assert len({event.watch_token for event in events}) == 3
    # The tokens are the same as before.
    assert stack.admin_token == admin
    assert stack.api(bob).rest.get("/api/tasks")["tasks"] == []
    stack.stop()
    assert stack.faults() == []


def test_after_a_power_cut_lost_runs_are_taken_up_again(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(**SOON_LOST)
    stack.start()
    work = begin_work(stack.client(), 3)
    stack.kill()
    stack.start()
    assert_goes_on(stack.client(), work, ["LOST", "SUCCEEDED"])
    stack.stop()
    assert stack.faults() == []


def test_it_serves_soon_after_its_start(stack: Stack) -> None:
    """On an idle machine it takes 1.5 s; this bound is for one that is not."""
    assert stack.start_seconds < 45


def test_a_second_signal_gives_long_runs_back_at_once(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(DRAIN_SECONDS="60")
    stack.start()
    task = begin_slow(stack.client(), 8)
    position = stack.log_position()
    began = time.monotonic()
    stack.terminate()
    eventually(lambda: "asked to end" in stack.logged(position), what="the worker drains")
    stack.stop()
    assert time.monotonic() - began < 50
    stack.start()
    execution = stack.client().wait(task.task_id, timeout=60)
    assert (to_python(execution.result), outcomes(execution)) == ("ended", ["RELEASED", "SUCCEEDED"])
    stack.stop()
    assert stack.faults() == []
