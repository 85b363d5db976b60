"""A Celery app that nobody changed is followed from outside: its events, and its result backend."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.events.event import get_exchange
from google.protobuf import json_format
from tests.acceptance.acceptance_stack import eventually
from tests.integration.tracking_world import SECONDS, World, followed, world
from tests.processes import is_alive

from task_manager import TaskClient
from task_manager.errors import NoResultBackend, ResultBackendUnavailable
from task_manager.v1.execution_pb2 import TaskExecution

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with followed(tmp_path_factory.mktemp("theirs"), "redis") as theirs:
        yield theirs


@pytest.fixture
def client(theirs: World) -> TaskClient:
    return theirs.stack.client()


def source(run: TaskExecution) -> str:
    return TaskExecution.Source.Name(run.source)


def test_a_run_that_nobody_registered_is_recorded_with_its_result(theirs: World, client: TaskClient) -> None:
    run = theirs.wait_for(client, theirs.send("add", 2, 3, password="hunter2"), "SUCCESS")
    assert (run.task_name, run.module, run.app) == ("shop.tasks.add", "shop", "theirs")
    assert (run.created_by_id, run.created_by_username) == ("shop", "Shop")
    assert json_format.MessageToDict(run.result) == {"sum": 5}
    assert source(run) == "RESULT_BACKEND"
    assert run.worker.startswith("celery@")
    assert run.created_at.ToMicroseconds() > 0
    assert run.started_at.ToMicroseconds() <= run.finished_at.ToMicroseconds()
    said = json_format.MessageToDict(run.metadata)
    assert said["celery_args"] == "[2, 3]" or said["celery_args"] == "(2, 3)"
    assert said["celery_kwargs"] == "{'password': '***'}"
    assert "hunter2" not in theirs.stack.logged()


def test_a_failure_tells_what_was_raised(theirs: World, client: TaskClient) -> None:
    run = theirs.wait_for(client, theirs.send("decline", "no money"), "FAILURE")
    assert run.error == "Declined: no money, 402"
    assert "raise Declined(reason, 402)" in run.traceback
    assert TaskExecution.FailureReason.Name(run.failure_reason) == "EXCEPTION"


def test_a_run_that_is_tried_again(theirs: World, client: TaskClient) -> None:
    run = theirs.wait_for(client, theirs.send("stumble", 2), "SUCCESS")
    assert (run.retries, run.result.string_value, run.error) == (2, "after 2", "")


def test_what_somebody_registered_stays_theirs(theirs: World, client: TaskClient) -> None:
    ann = theirs.stack.client(theirs.stack.token("ann"))
    task_id = theirs.send("add", 1, 1)
    ann.register_execution(task_id=task_id, task_name="shop.tasks.add", module="shop", task_args=[1, 1])
    run = theirs.wait_for(ann, task_id, "SUCCESS")
    assert (run.created_by_id, dict(run.metadata)) == ("ann", {})
    found = [each for each in client.list_executions(my_tasks=False) if each.task_id == task_id]
    assert [each.created_by_id for each in found] == ["ann"], "it is recorded once"


def test_it_is_seen_while_it_runs_and_when_it_is_revoked(theirs: World, client: TaskClient) -> None:
    waiting = theirs.send("wait_for", str(theirs.home / "never"))
    assert theirs.wait_for(client, waiting, "STARTED").worker.startswith("celery@")
    theirs.app.control.revoke(waiting, terminate=True)
    run = theirs.wait_for(client, waiting, "REVOKED")
    assert run.finished_at.ToMicroseconds() >= run.started_at.ToMicroseconds()


def test_a_child_process_that_is_killed(theirs: World, client: TaskClient) -> None:
    run = theirs.wait_for(client, theirs.send("crash"), "FAILURE")
    assert run.error.startswith("WorkerLostError")


def test_what_happens_while_no_tracker_runs_is_found_in_the_result_backend(theirs: World, client: TaskClient) -> None:
    file = theirs.home / "late"
    task_id = theirs.send("wait_for", str(file))
    theirs.wait_for(client, task_id, "STARTED")
    tracker = theirs.stack.pid("tracker")
    os.kill(tracker, signal.SIGSTOP)
    file.touch()
    theirs.app.AsyncResult(task_id).get(timeout=SECONDS)
    position = theirs.stack.log_position()
    os.kill(tracker, signal.SIGKILL)
    eventually(lambda: not is_alive(tracker), SECONDS)
    theirs.make_due()
    run = theirs.wait_for(client, task_id, "SUCCESS")
    assert (run.result.string_value, source(run)) == ("there it is", "RESULT_BACKEND")
    eventually(lambda: "listening to the events of the app theirs" in theirs.stack.logged(position), SECONDS)


def test_who_asks_need_not_wait_for_anybody(theirs: World, client: TaskClient) -> None:
    with theirs.frozen_tracker():
        task_id = theirs.send("add", 20, 3)
        run = client.register_execution(task_id=task_id, task_name="shop.tasks.add", module="shop")
        theirs.app.AsyncResult(task_id).get(timeout=SECONDS)
        synced = client.sync_execution(run.id)
        assert json_format.MessageToDict(synced.result) == {"sum": 23}
        assert client.sync_execution(run.id) == synced
        other = client.register_execution(task_id="other", task_name="t", module="other")
        with pytest.raises(NoResultBackend):
            client.sync_execution(other.id)
        asked = client.sync_executions()
        assert asked.unreachable >= 1


def test_a_result_that_has_expired_says_nothing(theirs: World, client: TaskClient) -> None:
    run = client.register_execution(
        task_id="long-ago", task_name="shop.tasks.add", module="shop", initial_status="STARTED"
    )
    assert client.sync_execution(run.id).status == TaskExecution.STARTED


def test_a_worker_that_is_killed_leaves_its_runs_as_they_were_seen(theirs: World, client: TaskClient) -> None:
    file = theirs.home / "after"
    task_id = theirs.send("wait_for", str(file))
    theirs.wait_for(client, task_id, "STARTED")
    theirs.kill_worker()
    run = client.get_execution_by_task_id(task_id)
    assert client.sync_execution(run.id).status == TaskExecution.STARTED
    theirs.start_worker()
    theirs.wait_for(client, theirs.send("add", 1, 2), "SUCCESS")


def test_a_result_backend_that_is_away_and_back(theirs: World, client: TaskClient) -> None:
    assert theirs.results is not None
    file = theirs.home / "meanwhile"
    task_id = theirs.send("wait_for", str(file))
    run = theirs.wait_for(client, task_id, "STARTED")
    theirs.results.signal(signal.SIGSTOP)
    try:
        with pytest.raises(ResultBackendUnavailable):
            client.sync_execution(run.id)
    finally:
        theirs.results.signal(signal.SIGCONT)
    file.touch()
    assert theirs.wait_for(client, task_id, "SUCCESS").result.string_value == "there it is"


def test_a_broker_that_is_away_and_back(theirs: World, client: TaskClient) -> None:
    position = theirs.stack.log_position()
    theirs.broker.kill()
    eventually(lambda: "the events of the app theirs can not be heard" in theirs.stack.logged(position), SECONDS)
    theirs.broker.start()
    eventually(lambda: "listening to the events of the app theirs again" in theirs.stack.logged(position), SECONDS)
    theirs.kill_worker()
    theirs.start_worker()
    theirs.wait_for(client, theirs.send("add", 4, 4), "SUCCESS")


def test_hostile_events_are_left_out(theirs: World, client: TaskClient) -> None:
    hostile = [
        *("text", 7, None, [], {}),
        {"type": "task-sent"},
        {"type": ["task-sent"], "uuid": {}},
        {"type": "task-sent", "uuid": "x" * 1000},
        {"type": "task-started", "uuid": "hostile-1", "timestamp": "soon", "clock": "x", "retries": -1, "hostname": 5},
        {"type": "task-sent", "uuid": "hostile-2", "name": "\0\ud800" * 500, "args": "x" * 500_000, "timestamp": 1e400},
        {"type": "task-succeeded", "uuid": "hostile-\0", "result": {"a": 1}},
    ]
    with theirs.app.connection_for_write() as connection, connection.Producer() as producer:
        exchange = get_exchange(connection)
        to_listeners = {"exchange": exchange, "declare": [exchange], "routing_key": "task.x"}
        for body in (hostile, *hostile):
            producer.publish(body, serializer="json", **to_listeners)
        for body, kind in (
            (b"\xff{", "application/json"),
            (b"cos\nsystem\n(S'true'\ntR.", "application/x-python-serialize"),
        ):
            producer.publish(body, content_type=kind, content_encoding="binary", **to_listeners)
    theirs.wait_for(client, theirs.send("add", 5, 5), "SUCCESS")
    recorded = theirs.wait_for(client, "hostile-2", "PENDING")
    assert len(recorded.task_name) <= 155


def test_the_processes_of_the_service_are_seen(theirs: World, client: TaskClient) -> None:
    assert "tracker" in [process.role for process in client.system_status().processes if process.live]
    assert theirs.broker.url not in theirs.stack.logged()


def test_a_tracker_that_is_ended_notes_what_it_has_heard(tmp_path: Path) -> None:
    with world(tmp_path, "redis") as made:
        made.wait_for_listener()
        made.start_worker()
        task_id = made.send("add", 1, 1)
        made.app.AsyncResult(task_id).get(timeout=SECONDS)
        position = made.stack.log_position()
        os.kill(made.stack.pid("tracker"), signal.SIGTERM)
        # What is held back for a registration is recorded then, and not lost.
        made.wait_for(made.stack.client(), task_id, "SUCCESS")
        eventually(lambda: "listening to the events" in made.stack.logged(position), SECONDS)
        made.kill_worker()
        made.stack.stop()
