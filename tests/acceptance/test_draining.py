"""A worker that is told to end: it begins nothing new, loses nothing, and is gone in time."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acceptance_house import House, Role, furnished
from acceptance_stack import command, eventually

from task_manager import TaskClient
from task_manager.v1.execution_pb2 import TaskExecution

Outcome = TaskExecution.Attempt.Outcome
ENDLESS = "import time\ndef main():\n    print('begun')\n    time.sleep(60)"
QUICK = "def main():\n    return 1"
#: A message that was lost is sent again after so long: no test waits for it.
LOST_SECONDS = 60.0
SETTINGS = {"REPUBLISH_AFTER_SECONDS": f"{LOST_SECONDS:g}", "DRAIN_SECONDS": "1", "WORKER_CONCURRENCY": "4"}
CELERY = (sys.executable, "-m", "celery", "-A", "task_server.worker.app", "worker")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    leases = {"LEASE_SECONDS": "6", "HEARTBEAT_SECONDS": "1"}
    with furnished(tmp_path_factory.mktemp("draining"), **SETTINGS, **leases) as house:
        yield house


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[TaskClient]:
    with TaskClient(house.grpc_address, house.token()) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_worker_stays(house: House) -> Iterator[None]:
    yield
    for role in house.begun:
        if "worker" in role.name:
            role.kill()


def begin_worker(house: House, pool: str, **settings: str) -> Role:
    """A worker of ours, or Celery's own with its processes."""
    if pool == "threads":
        return house.begin_worker(**settings)
    worker = house.begin(*CELERY, "--pool", pool, "--concurrency", "2", name="worker", **settings)
    worker.await_said("worker is ready")
    return worker


def begin(client: TaskClient, code: str = ENDLESS) -> str:
    """The id of a task that runs."""
    task = client.create_task("endless", function_code=code, function_name="main")
    assert next(client.logs(task.last_execution.id, follow=True)) == "begun\n"
    return task.task_id


def execution(client: TaskClient, task_id: str) -> TaskExecution:
    return client.get_execution(client.get(task_id).last_execution.id)


def outcomes(run: TaskExecution) -> list[str]:
    return [Outcome.Name(attempt.outcome) for attempt in run.attempts]


def await_second_attempt(client: TaskClient, task_id: str) -> TaskExecution:
    return eventually(lambda: _with_attempts(execution(client, task_id), 2), what="another worker has begun it")


def _with_attempts(run: TaskExecution, count: int) -> TaskExecution | None:
    return run if len(run.attempts) == count else None


def assert_handed_over(client: TaskClient, task_id: str) -> None:
    """It was given back, another worker began it within a second, and nothing counts against it."""
    run = await_second_attempt(client, task_id)
    assert outcomes(run) == ["RELEASED", "OUTCOME_UNSPECIFIED"]
    given_back, begun_again = run.attempts[0].finished_at.ToNanoseconds(), run.attempts[1].started_at.ToNanoseconds()
    assert 0 <= begun_again - given_back < 1_000_000_000
    assert run.attempts[0].worker != run.attempts[1].worker
    assert run.status == TaskExecution.STARTED
    client.stop(task_id)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_what_outlasts_the_drain_is_another_workers_within_a_second(
    house: House, client: TaskClient, pool: str
) -> None:
    worker = begin_worker(house, pool)
    task_id = begin(client)
    house.begin_worker()
    worker.end()
    assert_handed_over(client, task_id)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_message_that_a_draining_worker_has_asked_for_is_put_back_at_once(
    house: House, client: TaskClient, pool: str
) -> None:
    """A worker that waits for messages has told Redis so, and is given the next one also after it was told to end."""
    worker = begin_worker(house, pool, DRAIN_SECONDS="60")
    running = begin(client)
    worker.signal(signal.SIGTERM)
    worker.await_said("asked to end")
    made = [client.create_task("late", function_code=QUICK, function_name="main") for _ in range(5)]
    house.begin_worker()
    began = time.monotonic()
    for task in made:
        assert client.wait(task.task_id, timeout=40).status == TaskExecution.SUCCESS
    assert time.monotonic() - began < 40
    assert worker.is_running
    assert outcomes(execution(client, running)) == ["OUTCOME_UNSPECIFIED"]
    client.stop(running)
    assert worker.await_end() == 0, worker.said()


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT), (signal.SIGINT,) * 2, (signal.SIGQUIT,)],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_a_second_signal_ends_what_runs_at_once(
    house: House, client: TaskClient, signals: tuple[signal.Signals, ...]
) -> None:
    worker = house.begin_worker(DRAIN_SECONDS="60", STOP_GRACE_SECONDS="60")
    task_id = begin(client)
    house.begin_worker()
    first, *rest = signals
    worker.signal(first)
    for number in rest:
        worker.await_said("asked to end")
        assert worker.is_running
        worker.signal(number)
    assert worker.await_end(40) == 0, worker.said()
    assert_handed_over(client, task_id)


def test_an_idle_worker_ends_at_once(house: House) -> None:
    worker = house.begin_worker(DRAIN_SECONDS="60")
    began = time.monotonic()
    worker.end()
    assert time.monotonic() - began < 40


def test_a_short_run_is_finished(house: House, client: TaskClient) -> None:
    worker = house.begin_worker(DRAIN_SECONDS="60")
    task_id = begin(client, "import time\ndef main():\n    print('begun')\n    time.sleep(1)")
    began = time.monotonic()
    worker.end()
    assert time.monotonic() - began < 40
    assert outcomes(execution(client, task_id)) == ["SUCCEEDED"]


def test_without_a_broker_it_ends_in_time(tmp_path: Path) -> None:
    with furnished(tmp_path, **SETTINGS) as house, TaskClient(house.grpc_address, house.token()) as client:
        worker = house.begin_worker()
        task_id = begin(client)
        (broker,) = (role for role in house.begun if role.name == "broker")
        broker.signal(signal.SIGSTOP)
        worker.signal(signal.SIGTERM)
        assert worker.await_end(45) == 0, worker.said()
        assert outcomes(execution(client, task_id)) == ["RELEASED"]


def test_without_a_database_it_ends_in_time_and_the_lease_does_the_rest(house: House, client: TaskClient) -> None:
    worker = house.begin_worker()
    task_id = begin(client)
    with closing(sqlite3.connect(house.directory / "task-manager.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        worker.signal(signal.SIGTERM)
        worker.await_end(45)
        assert worker.children() == []
        other.execute("ROLLBACK")
    house.begin_worker()
    run = await_second_attempt(client, task_id)
    assert outcomes(run) == ["LOST", "OUTCOME_UNSPECIFIED"]
    client.stop(task_id)


def test_a_scheduler_ends_after_its_turn(house: House) -> None:
    scheduler: Role = house.begin(*command("scheduler"))
    # It says nothing when it begins: once it has its signals, its status says so.
    eventually(lambda: _takes_sigterm(scheduler.pid), what="the scheduler takes signals")
    began = time.monotonic()
    scheduler.end()
    assert time.monotonic() - began < 40


def _takes_sigterm(pid: int) -> bool:
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    return bool(int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1)
