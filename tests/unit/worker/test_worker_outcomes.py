"""How a run ended is stored while its lease holds, whatever is wrong meanwhile; what a worker can not do, another one does."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.postgres import PostgresServer
from worker_bench import SLEEP, Bench

from task_server.domain.status import AttemptOutcome, ExecutionStatus
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.rescuing import Rescuing
from task_server.usecases.running import Running

SHORT = "import time\ndef f():\n    print('begun')\n    time.sleep(1.5)\n    return 'ended'"


@pytest.fixture
def severed(postgres_server: PostgresServer, postgres_url: str):
    """Makes the database go away for a while: it takes no connections, and has ended those that it had."""
    name = postgres_url.rpartition("/")[2]

    @contextmanager
    def away() -> Iterator[None]:
        postgres_server.run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_server.run_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            yield
        finally:
            postgres_server.run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    return away


def outcomes(bench: Bench, execution_id: str) -> list[AttemptOutcome | None]:
    return [attempt.outcome for attempt in bench.execution(execution_id).detail.attempts]


def test_an_outcome_is_stored_when_the_database_comes_back_in_time(tmp_path, postgres_url, severed):
    bench = Bench(tmp_path, database_url=postgres_url, lease_seconds=15, heartbeat_seconds=1)
    _, execution_id, thread = bench.begin(SHORT)
    with severed():
        thread.join(3.5)
        assert thread.is_alive()
    thread.join(60)

    view = bench.execution(execution_id)
    assert (view.execution.status, view.detail.result_json) == (ExecutionStatus.SUCCESS, '"ended"')
    assert outcomes(bench, execution_id) == [AttemptOutcome.SUCCEEDED]
    assert bench.log(execution_id) == "begun\n"
    bench.close()


def test_an_outcome_is_dropped_with_its_lease_and_the_run_repeated(tmp_path, postgres_url, severed, caplog):
    bench = Bench(tmp_path, database_url=postgres_url, lease_seconds=3, heartbeat_seconds=1)
    _, execution_id, thread = bench.begin(SHORT)
    with severed():
        thread.join(60)
        assert not thread.is_alive()
    assert "an outcome was dropped" in caplog.text
    assert bench.execution(execution_id).execution.status is ExecutionStatus.STARTED

    bench.wait_for(lambda: Rescuing(bench.ports, 3).rescue())
    bench.worker.handle(execution_id)
    assert outcomes(bench, execution_id) == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]
    bench.close()


def test_a_task_that_a_newer_version_wrote_waits_for_another_worker(bench, caplog):
    task_id, execution_id = bench.create()
    definition = json.loads(_definition(bench, task_id))
    definition["action"] = {"kind": "of a version to come"}
    with bench.ports.database.write():
        TaskRow.update(definition=json.dumps(definition)).where(TaskRow.task_id == task_id).execute()
    bench.publisher.messages.clear()
    caplog.set_level(logging.INFO)

    bench.worker.handle(execution_id)

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("an execution can not be read, and waits for another worker")
    assert record.exc_info is None
    # Nothing is sent at once, which this worker might get again.
    assert bench.publisher.messages == []
    good = json.loads(_definition(bench, task_id)) | {"action": _code_action()}
    with bench.ports.database.write():
        TaskRow.update(definition=json.dumps(good)).where(TaskRow.task_id == task_id).execute()
    bench.worker.handle(execution_id)
    assert outcomes(bench, execution_id) == [AttemptOutcome.SUCCEEDED]


def _definition(bench: Bench, task_id: str) -> str:
    with bench.ports.database.read():
        return TaskRow.get(TaskRow.task_id == task_id).definition


def _code_action() -> dict[str, object]:
    return {
        "kind": "code",
        "function_code": "def f():\n    return 1",
        "function_name": "f",
        "args": [],
        "kwargs": {},
    }


def test_an_outcome_that_can_not_be_stored_is_left_to_its_lease(tmp_path, caplog):
    class Defective(Running):
        def finish(self, execution_id, attempt, outcome):
            raise KeyError("nobody expected this")

    bench = Bench(tmp_path, running=Defective)
    _, execution_id = bench.create()
    bench.worker.handle(execution_id)

    assert bench.execution(execution_id).execution.status is ExecutionStatus.STARTED
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "left to end: KeyError('nobody expected this')" in record.getMessage()
    assert record.exc_info is None
    bench.close()


def test_a_message_that_comes_while_the_worker_drains_is_put_back_once_it_would_not_come_again(bench):
    _, execution_id = bench.create(SLEEP)
    bench.publisher.messages.clear()
    bench.drain.begin()

    thread = bench.handle_in_thread(execution_id)
    thread.join(0.3)
    assert (thread.is_alive(), bench.publisher.messages) == (True, [])
    bench.drain.stop_consumer()
    thread.join(60)

    assert [message.execution_id for message in bench.publisher.messages] == [execution_id]
    assert bench.execution(execution_id).execution.attempt == 0


def test_only_what_may_begin_is_put_back(bench):
    _, execution_id = bench.create()
    bench.worker.handle(execution_id)
    bench.publisher.messages.clear()
    bench.drain.begin()
    bench.drain.stop_consumer()

    for each in (execution_id, "no such execution"):
        bench.worker.handle(each)

    assert bench.publisher.messages == []


def test_a_drain_that_is_hastened_ends_a_run_without_its_grace_and_gives_it_back(tmp_path):
    bench = Bench(tmp_path, drain_seconds=60)
    _, execution_id, thread = bench.begin()
    bench.drain.begin()
    threading.Event().wait(0.2)
    assert thread.is_alive()
    began = time.monotonic()
    bench.drain.hasten()
    thread.join(60)

    assert time.monotonic() - began < 30
    assert bench.execution(execution_id).execution.status is ExecutionStatus.PENDING
    assert outcomes(bench, execution_id) == [AttemptOutcome.RELEASED]
    bench.close()
