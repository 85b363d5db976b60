"""A Celery app that keeps its results in a database is followed from outside, as one with Redis is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from google.protobuf import json_format
from tests.integration.tracking_world import SECONDS, World, followed

from task_manager import TaskClient
from task_manager.v1.execution_pb2 import TaskExecution

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with followed(tmp_path_factory.mktemp("theirs"), "sqlite") as theirs:
        yield theirs


@pytest.fixture
def client(theirs: World) -> TaskClient:
    return theirs.stack.client()


def test_results_and_errors_are_read(theirs: World, client: TaskClient) -> None:
    good, bad, again = theirs.send("add", 2, 3), theirs.send("decline", "no"), theirs.send("stumble", 1)
    run = theirs.wait_for(client, good, "SUCCESS")
    assert json_format.MessageToDict(run.result) == {"sum": 5}
    assert TaskExecution.Source.Name(run.source) == "RESULT_BACKEND"
    assert theirs.wait_for(client, bad, "FAILURE").error == "Declined: no, 402"
    assert theirs.wait_for(client, again, "SUCCESS").retries == 1


def test_what_happened_while_no_tracker_ran_is_found(theirs: World, client: TaskClient) -> None:
    file = theirs.home / "late"
    task_id = theirs.send("wait_for", str(file))
    theirs.wait_for(client, task_id, "STARTED")
    tracker = theirs.stack.pid("tracker")
    os.kill(tracker, signal.SIGSTOP)
    file.touch()
    theirs.app.AsyncResult(task_id).get(timeout=SECONDS)
    os.kill(tracker, signal.SIGKILL)
    theirs.make_due()
    assert theirs.wait_for(client, task_id, "SUCCESS").result.string_value == "there it is"


def test_who_asks_need_not_wait(theirs: World, client: TaskClient) -> None:
    with theirs.frozen_tracker():
        task_id = theirs.send("add", 20, 3)
        run = client.register_execution(task_id=task_id, task_name="shop.tasks.add", module="shop")
        theirs.app.AsyncResult(task_id).get(timeout=SECONDS)
        assert json_format.MessageToDict(client.sync_execution(run.id).result) == {"sum": 23}
