"""What ran in a Celery app while no tracker listened, and nobody registered, is found in its result backend."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import redis
from google.protobuf import json_format
from tests.acceptance.acceptance_stack import eventually
from tests.integration.tracking_world import SECONDS, World, followed, without_tracker
from tests.processes import freeze

from task_manager import TaskClient
from task_manager.v1.execution_pb2 import TaskExecution

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=["redis", "sqlite"])
def theirs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with followed(tmp_path_factory.mktemp("theirs"), request.param) as theirs:
        yield theirs


@pytest.fixture
def client(theirs: World) -> TaskClient:
    return theirs.stack.client()


def test_what_nobody_heard_of_is_recorded_once_by_the_next_tracker(theirs: World, client: TaskClient) -> None:
    file = theirs.home / "goes-on"
    theirs.wait_for(client, theirs.send("add", 1, 1), "SUCCESS")
    with without_tracker(theirs.stack, "theirs"):
        good, bad = theirs.send("add", 2, 3, password="hunter2"), theirs.send("decline", "no money")
        goes_on = theirs.send("wait_for", str(file))
        theirs.has_ended(good)
        theirs.has_ended(bad)
        eventually(lambda: theirs.app.AsyncResult(goes_on).status == "STARTED", SECONDS)
    run = theirs.wait_for(client, good, "SUCCESS")
    assert (run.task_name, run.module, run.app, run.created_by_id) == ("shop.tasks.add", "shop", "theirs", "shop")
    assert json_format.MessageToDict(run.result) == {"sum": 5}
    assert TaskExecution.Source.Name(run.source) == "RESULT_BACKEND"
    assert run.worker.startswith("celery@")
    assert run.finished_at.ToMicroseconds() < run.created_at.ToMicroseconds()
    assert json_format.MessageToDict(run.metadata) == {
        "celery_args": "[2, 3]",
        "celery_kwargs": "{'password': '***'}",
    }
    assert theirs.wait_for(client, bad, "FAILURE").error == "Declined: no money, 402"
    theirs.wait_for(client, goes_on, "STARTED")
    file.touch()
    assert theirs.wait_for(client, goes_on, "SUCCESS").result.string_value == "there it is"
    assert "hunter2" not in theirs.stack.logged()
    ids = [run.task_id for run in client.list_executions(my_tasks=False)]
    assert sorted(ids) == sorted(set(ids)), "each is recorded once"


def test_what_nobody_heard_of_is_recorded_when_a_lost_connection_is_back(theirs: World, client: TaskClient) -> None:
    tracker, position = theirs.stack.pid("tracker"), theirs.stack.log_position()
    freeze(tracker, theirs.stack.data_dir / "task-manager.db")
    try:
        with redis.Redis.from_url(theirs.broker.url.replace("redis+socket", "unix")) as broker:
            assert broker.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        task_id = theirs.send("add", 4, 4)
        theirs.has_ended(task_id)
    finally:
        os.kill(tracker, signal.SIGCONT)
    run = theirs.wait_for(client, task_id, "SUCCESS")
    assert run.task_name == "shop.tasks.add"
    assert "listening to the events of the app theirs again" in theirs.stack.logged(position)
