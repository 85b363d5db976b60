"""How late cron tasks are when many are due at the same second: the real scheduler, one or several, and no worker.

The benchmark is the worker: it takes the messages out of the broker and notes when they came. Lag is from the second that an
execution is made for to then, so it holds the scheduler's waking, the commit and the way to the broker.

Alone: `python -m benchmarks.scheduling --schedulers 3 --database postgresql`
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import redis
from tests.processes import BARE, command

from benchmarks import process_tree
from benchmarks.parts import database_url, process, running_broker
from benchmarks.table import Measurement, render
from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.schedule import Schedule
from task_server.domain.task import TaskDefinition
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.ports import Ports
from task_server.usecases.tasks import Tasks

_TASKS = 10_000
_DUE = 500
_SECOND = 1_000_000
#: Not due while this runs: every task's own time is once a day, some hours from now.
_HOURS_AWAY = 6
_IDLE_SECONDS = 8.0
_BURSTS = 3
#: From one burst to the next.
_APART = 4


@dataclass(frozen=True, slots=True)
class Lags:
    """Seconds, of all bursts."""

    p50: float
    p99: float
    longest: float


def measure(schedulers: int, engine: str) -> list[Measurement]:
    """Measure it on `engine`, sqlite or postgresql, with so many scheduler processes."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tm-bench-")))
        url = stack.enter_context(database_url(engine, home))
        broker = stack.enter_context(running_broker(home))
        database = Database(url)
        stack.callback(database.close)
        migrate(database)
        _make_tasks(database)
        environment = BARE | {
            "TASK_SERVER_DATA_DIR": str(home),
            "TASK_SERVER_DATABASE_URL": url,
            "TASK_SERVER_BROKER_URL": f"redis+socket://{home / 'b.sock'}",
            # Nobody claims here, and what waits on purpose is not to be published again.
            "TASK_SERVER_REPUBLISH_AFTER_SECONDS": "600",
        }
        processes = [
            stack.enter_context(process(command("scheduler"), environment, home / f"scheduler-{number}.log"))
            for number in range(schedulers)
        ]
        time.sleep(3)  # until they have started
        idle = _idle_percent(processes)
        lags, cpu = _bursts(database, broker, processes)
    who = f"{schedulers} scheduler{'s' if schedulers > 1 else ''}, {engine}"
    return [
        Measurement(what=f"idle scheduler, {_TASKS:,} cron tasks; {who}", measured=idle, unit="% of a core each"),
        Measurement(
            what=f"lag of {_DUE} due at once, p99; {who}",
            measured=lags.p99 * 1000,
            unit="ms",
            note=f"p50 {lags.p50 * 1000:.0f} ms, longest {lags.longest * 1000:.0f} ms; {cpu * 1000:.2f} ms of processor a firing",
        ),
    ]


def _make_tasks(database: Database) -> None:
    """One task is made by the use case, the others are like it but for their times."""
    ports = Ports(database=database, publisher=MemoryPublisher(), bell=MemoryBell(), republish_after_seconds=5)
    away = time.gmtime(time.time() + _HOURS_AWAY * 3600)
    definition = TaskDefinition(
        name="nightly",
        action=CodeAction(function_code="def main():\n    return 1", function_name="main"),
        timeout=60.0,
        schedule=Schedule(cron_expression=f"{away.tm_min} {away.tm_hour} * * *"),
    )
    caller = Caller(owner=Owner("bench", "Bench"), role=Role.EDITOR, token_id="bench")
    made = Tasks(ports).create(caller, definition).task
    with database.write():
        (row,) = TaskRow.select().where(TaskRow.task_id == made.task_id).dicts()
        copies = [row | {"task_id": f"{row['task_id']}-{number}"} for number in range(1, _TASKS)]
        for first in range(0, len(copies), 500):
            TaskRow.insert_many(copies[first : first + 500]).execute()


def _bursts(database: Database, broker: redis.Redis, processes: list[subprocess.Popen[bytes]]) -> tuple[Lags, float]:
    """The lags, and the processor seconds of all schedulers for each firing."""
    with database.read():
        ids = [task_id for (task_id,) in TaskRow.select(TaskRow.task_id).tuples()][: _BURSTS * _DUE]
    start = math.ceil(time.time()) + 2
    with database.write():
        for number in range(_BURSTS):
            due = ids[number * _DUE : (number + 1) * _DUE]
            at = (start + number * _APART) * _SECOND
            TaskRow.update(next_run_at=at).where(TaskRow.task_id.in_(due)).execute()
    time.sleep(max(0.0, start - 0.2 - time.time()))
    before = sum(process_tree.cpu_seconds(process.pid) for process in processes)
    seen = _take(broker, start + _BURSTS * _APART)
    used = sum(process_tree.cpu_seconds(process.pid) for process in processes) - before
    with database.read():
        made = dict(ExecutionRow.select(ExecutionRow.id, ExecutionRow.scheduled_for).tuples())
    if len(made) != _BURSTS * _DUE or seen.keys() != made.keys():
        message = f"{_BURSTS * _DUE} were due, {len(made)} made, and {len(seen)} published"
        raise RuntimeError(message)
    lags = sorted(came - made[execution_id] / _SECOND for execution_id, came in seen.items())
    return Lags(lags[len(lags) // 2], lags[math.ceil(len(lags) * 0.99) - 1], lags[-1]), used / len(made)


def _take(broker: redis.Redis, until: float) -> dict[str, float]:
    """Take messages out of the queue until that time; return when each execution's first one came."""
    raw: list[tuple[float, bytes]] = []
    while time.time() < until:
        texts = broker.rpop("default", 1000)
        now = time.time()
        raw += [(now, text) for text in texts or []]
        if not texts:
            time.sleep(0.002)
    seen: dict[str, float] = {}
    for now, text in raw:
        seen.setdefault(json.loads(base64.b64decode(json.loads(text)["body"]))[0][0], now)
    return seen


def _idle_percent(processes: list[subprocess.Popen[bytes]]) -> float:
    before = [process_tree.cpu_seconds(process.pid) for process in processes]
    time.sleep(_IDLE_SECONDS)
    used = sum(process_tree.cpu_seconds(process.pid) for process in processes) - sum(before)
    return used / _IDLE_SECONDS / len(processes) * 100


def main() -> int:
    """Run it alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduling", description=__doc__)
    parser.add_argument("--schedulers", type=int, default=1, help="how many scheduler processes (default: 1)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    print(render(measure(options.schedulers, options.database)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
