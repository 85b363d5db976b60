"""Celery apps whose broker is RabbitMQ: one that tells of itself, and one that is followed from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format
from tests.acceptance.acceptance_stack import eventually
from tests.integration import celery_track_world, tracking_world
from tests.rabbitmq import RabbitProcess, rabbitmq

from task_manager import to_python


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitProcess]:
    with rabbitmq() as node:
        yield node


def test_an_app_with_quorum_queues_tells_of_itself(broker: RabbitProcess, tmp_path: Path) -> None:
    with celery_track_world.world(tmp_path, broker) as house:
        worker = house.worker("prefork", "shop")
        chain = "publish_chain(chain(add.s(1, 2), add.s(3), add.s(4)))"
        added, *chained = house.publish(f"[(r := add.delay(40, 2)).get(timeout=60) and r.id, *{chain}]", SHOP_USER="7")
        run = house.run(added, "SUCCESS")
        assert (to_python(run.result), run.created_by_id, run.queue) == (42, "7", "shop")
        assert [to_python(house.run(each, "SUCCESS").result) for each in chained] == [3, 6, 10]
        failed, retried = house.publish("[log_in.delay('me', 'hunter2').id, flaky.delay(2).id]")
        assert house.run(failed, "FAILURE").error == "ValueError: no me at redis://me:[redacted]@host"
        assert house.run(retried, "SUCCESS").retries == 2
        assert house.end(worker) == 0
        assert house.warnings("prefork.log") == []


def test_an_app_is_followed_over_a_restart_of_its_broker(broker: RabbitProcess, tmp_path: Path) -> None:
    with tracking_world.followed(tmp_path, "redis", broker) as theirs:
        client = theirs.stack.client()
        run = theirs.wait_for(client, theirs.send("add", 2, 3), "SUCCESS")
        assert (run.created_by_id, json_format.MessageToDict(run.result)) == ("shop", {"sum": 5})

        since = theirs.stack.log_position()
        broker.kill()
        broker.start()
        again = "listening to the events of the app theirs again"
        eventually(lambda: again in theirs.stack.logged(since), tracking_world.SECONDS, again)
        assert theirs.wait_for(client, theirs.send("stumble", 1), "SUCCESS").result.string_value == "after 1"
