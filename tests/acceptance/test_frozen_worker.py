"""A worker that is frozen for longer than its leases, as on a paused machine: another has its runs, and it stores nothing of them.

While it is frozen nobody watches its children, so that one may run beside the second attempt: what is promised is that a run is
begun at least once, and that one attempt is accepted.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from acceptance_house import House, Role, furnished
from acceptance_stack import eventually
from tests.processes import command_line, freeze, is_alive

from task_manager import TaskClient, to_python
from task_manager.v1.execution_pb2 import TaskExecution

Outcome = TaskExecution.Attempt.Outcome
CODE = "import time\ndef main(seconds):\n    print('begun')\n    time.sleep(seconds)\n    return 'ended'"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {"LEASE_SECONDS": "3", "HEARTBEAT_SECONDS": "1", "REPUBLISH_AFTER_SECONDS": "1"}
    with furnished(tmp_path_factory.mktemp("frozen"), **settings) as house:
        yield house


@pytest.fixture
def client(house: House) -> Iterator[TaskClient]:
    with TaskClient(house.grpc_address, house.token()) as client:
        yield client


def run_of(worker: Role) -> int:
    """The process of the one run that a worker has."""

    def look() -> int | None:
        # All of them are the zygote's: the youngest is the run.
        zygotes = [pid for pid in worker.children() if "sandbox.zygote" in command_line(pid)]
        return max(zygotes) if len(zygotes) > 1 else None

    return eventually(look, what="the worker has a run")


@pytest.mark.parametrize("ends_meanwhile", [False, True], ids=["runs on", "has ended"])
def test_a_frozen_worker_wakes_to_nothing(house: House, client: TaskClient, ends_meanwhile: bool) -> None:
    frozen = house.begin_worker()
    task = client.create_task(
        "twice", function_code=CODE, function_name="main", task_args=[4 if ends_meanwhile else 90]
    )
    execution_id = task.last_execution.id
    assert next(client.logs(execution_id, follow=True)) == "begun\n"
    child = run_of(frozen)
    freeze(frozen.pid, house.directory / "task-manager.db")
    # The next attempt runs as the task is then.
    client.update_task(task.task_id, task_args=[3])
    other = house.begin_worker()
    eventually(lambda: len(client.get_execution(execution_id).attempts) == 2, what="another worker has begun it")
    if ends_meanwhile:
        eventually(lambda: not is_alive(child), what="the first run has ended")
    else:
        assert is_alive(child)

    frozen.signal(signal.SIGCONT)
    woken_at = time.monotonic()
    eventually(lambda: not is_alive(child), what="the first child is dead")
    assert time.monotonic() - woken_at < 20
    execution = client.wait(task.task_id, timeout=40)
    assert to_python(execution.result) == "ended"
    assert [Outcome.Name(attempt.outcome) for attempt in execution.attempts] == ["LOST", "SUCCEEDED"]
    assert execution.worker == execution.attempts[1].worker != execution.attempts[0].worker
    # It takes part again.
    other.end()
    again = client.create_task("again", function_code="def main():\n    return 1", function_name="main")
    assert client.wait(again.task_id, timeout=40).status == TaskExecution.SUCCESS
    frozen.end()
