"""How many runs of another Celery app one client can have recorded, against the bare INSERT of the same rows.

The client makes its messages, calls a server of its own over gRPC, batch after batch, and reads the answers. By turns the same
number of rows goes straight into the same table, with its indexes and triggers, of another database: what else the machine does
slows down both.

`python -m benchmarks.registering --database postgresql`
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.execution_rows import load
from benchmarks.executions import served
from benchmarks.parts import database_url
from benchmarks.table import Goal, Measurement, render
from task_manager import TaskClient, requests
from task_manager.v1.execution_service_pb2 import ExecutionReport, RegisterExecutionRequest
from task_server.domain.clock import NEVER
from task_server.domain.owner import Owner
from task_server.domain.registration import Registration
from task_server.store import executions
from task_server.store.database import Database
from task_server.store.migrator import migrate

_ROWS_BEFORE = 10_000
_BATCH = 1000
_ROUNDS = 12
#: What the issue asks for.
_GOAL = Goal(bound=1500.0, at_least=True)
_OWNER = Owner("bench", "Bench")


def main() -> int:
    """Measure and print; 1 when a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registering", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    engine: str = parser.parse_args().database
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {engine}", flush=True)
    with (
        served(_ROWS_BEFORE, engine) as (address, token, _),
        _filled(engine) as database,
        TaskClient(address, token=token) as client,
    ):
        found = _measure(client, database)
    print(render(found))
    return 0 if all(measurement.is_met for measurement in found) else 1


@contextlib.contextmanager
def _filled(engine: str) -> Iterator[Database]:
    """A database as the server's is, that nobody serves."""
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as home, database_url(engine, Path(home)) as url:
        database = Database(url)
        migrate(database)
        load(database, _ROWS_BEFORE)
        yield database
        database.close()


def _measure(client: TaskClient, database: Database) -> list[Measurement]:
    """All of them by turns; the medians."""
    runs: list[RegisterExecutionRequest] = []

    def register() -> None:
        runs[:] = [_run() for _ in range(_BATCH)]
        client.batch_register_executions(runs)

    def publish() -> None:
        done = client.report_executions(ExecutionReport(run=_run()) for _ in range(_BATCH))
        assert done.recorded == _BATCH, done

    def move() -> None:
        done = client.report_executions(
            ExecutionReport(run=run, status="SUCCESS", worker="celery@bench") for run in runs
        )
        assert done.changed == _BATCH, done

    rates: dict[Callable[[], None], list[float]] = {register: [], move: [], publish: []}
    bare = []
    for number in range(_ROUNDS):
        for call, found in rates.items():
            began = time.perf_counter()
            call()
            if number:  # the first one also connects, and prepares the statements
                found.append(_BATCH / (time.perf_counter() - began))
        bare.append(_insert(database))
    reference = statistics.median(bare[1:])
    what = {
        register: f"BatchRegisterExecutions of {_BATCH:,}",
        publish: f"BatchReportExecutions of {_BATCH:,}, new runs",
        move: f"BatchReportExecutions of {_BATCH:,}, runs that ended",
    }
    return [
        Measurement(
            what=what[call],
            measured=statistics.median(found),
            unit="rows/s",
            reference=reference,
            reference_is="rows/s bare INSERT",
            goal=_GOAL,
            note=f"the slowest {min(found):,.0f}",
        )
        for call, found in rates.items()
    ]


def _run() -> RegisterExecutionRequest:
    return requests.registration(
        str(uuid.uuid4()),
        "shop.tasks.send_mail",
        "shop",
        {"task_kwargs": {"order": 4711, "to": "li@example.com"}, "metadata": {"source": "api", "customer": "c17"}},
    )


def _insert(database: Database) -> float:
    """Rows a second."""
    with database.write():
        now = database.now()
        rows = []
        for _ in range(_BATCH):
            said = Registration(
                task_id=str(uuid.uuid4()), task_name="shop.tasks.send_mail", module="shop", owner=_OWNER
            )
            rows.append(
                executions.new_columns(said.execution(now), publish_after=NEVER)
                | {"task_args": "[]", "task_kwargs": '{"order":4711,"to":"li@example.com"}'}
                | {"metadata": '{"source":"api","customer":"c17"}'}
            )
    began = time.perf_counter()
    with database.write():
        executions.INSERT.run_many(rows)
    return _BATCH / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
