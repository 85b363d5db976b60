"""A tracked Celery app in the pools that no processes and no threads are for, and with Celery beat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.acceptance.acceptance_stack import eventually
from tests.integration.celery_track_world import World, world

from task_manager import to_python
from task_manager.v1.execution_pb2 import TaskExecution


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.parametrize("pool", ["gevent", "eventlet", "solo"])
def test_what_a_pool_runs_is_told_to_its_end(house: World, pool: str) -> None:
    worker = house.worker(pool, pool)
    tasks = "[add.s(1, 1), add.s(40, 2), log_in.s('me', 'hunter2'), flaky.s(2), parent.s()]"
    publish = (
        f"[each.apply_async(queue={pool!r}, expires=expires).id for each, expires in zip({tasks}, [-1, *[None] * 4])]"
    )
    expired, added, failed, retried, parent = house.publish(publish, SHOP_USER="7")
    assert house.run(expired, "REVOKED").error == "The task was expired"
    assert to_python(house.run(added, "SUCCESS").result) == 42
    assert house.run(failed, "FAILURE").error == "ValueError: no me at redis://me:[redacted]@host"
    assert house.run(retried, "SUCCESS").retries == 2
    child = house.run(to_python(house.run(parent, "SUCCESS").result))
    assert (child.created_by_id, child.queue) == ("7", "celery")

    # What has just been seen when a worker is told to end, it tells before it does.
    last = house.publish(f"close.apply_async(queue={pool!r}).id")
    worker.wait(timeout=60)
    assert house.end(worker) == 0
    assert house.client.get_execution_by_task_id(last).status == TaskExecution.SUCCESS
    assert house.warnings(f"{pool}.log") == []


def test_each_firing_of_beat_is_recorded_once(house: World) -> None:
    beat = house.beat(SHOP_USER="7")
    fired = house.client.list_executions(my_tasks=False, filter='queue = "beat"')
    eventually(lambda: len(list(fired)) > 2, 60, "beat has fired three times")
    assert house.end(beat) == 0
    runs = list(fired)
    assert len({each.task_id for each in runs}) == len(runs) == house.publish("waiting('beat')")
    assert {(each.created_by_id, each.task_name, each.status) for each in runs} == {
        ("7", "shop.tasks.add", TaskExecution.PENDING)
    }
