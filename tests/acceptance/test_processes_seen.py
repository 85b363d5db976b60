"""Who is there: processes say so while they live, and are gone from the status once they end, in order or not."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from acceptance_house import House, furnished
from acceptance_stack import eventually
from tests.processes import command, free_port

from task_manager import TaskClient


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with furnished(tmp_path) as house:
        yield house


@pytest.fixture
def client(house: House) -> Iterator[TaskClient]:
    with TaskClient(house.grpc_address, house.token()) as client:
        yield client


def seen(client: TaskClient) -> Counter[str]:
    return Counter(process.role for process in client.system_status().processes if process.live)


def test_what_ends_in_order_is_gone_at_once(house: House, client: TaskClient) -> None:
    begun = [
        house.begin_server(f"127.0.0.1:{free_port()}"),
        house.begin_worker(WORKER_QUEUES="default,reports", WORKER_CONCURRENCY="3"),
        house.begin(*command("scheduler"), name="scheduler"),
    ]
    eventually(lambda: seen(client) == {"server": 2, "worker": 1, "scheduler": 2}, what="all are seen")
    status = client.system_status()
    (worker,) = [process for process in status.processes if process.role == "worker"]
    assert worker.name.endswith(f":{begun[1].pid}")
    assert (sorted(worker.queues), worker.concurrency, worker.code_refusal) == (["default", "reports"], 3, "")
    assert worker.isolation_level.startswith("strict")
    assert [queue.name for queue in status.queues] == ["default", "reports"]
    assert worker.started_at.ToMicroseconds() <= worker.seen_at.ToMicroseconds()

    for role in begun:
        role.end()
    assert seen(client) == {"server": 1, "scheduler": 1}


def test_a_prefork_worker_is_one_process(house: House, client: TaskClient) -> None:
    celery = [sys.executable, "-m", "celery", "-A", "task_server.worker.app", "worker", "--pool", "prefork"]
    worker = house.begin(*celery, "--concurrency", "2", "-Q", "default,own", name="worker")
    eventually(lambda: seen(client)["worker"] == 1, what="it is seen")
    (process,) = [process for process in client.system_status().processes if process.role == "worker"]
    assert (sorted(process.queues), process.concurrency) == (["default", "own"], 2)
    worker.end()
    assert seen(client)["worker"] == 0
