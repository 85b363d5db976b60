"""What lists and statistics of executions cost in a large table, as a ratio to the same in a small one.

Two servers, each with a database of its own, answer the same calls by turns over gRPC: what else the machine does slows down both.

`python -m benchmarks.executions --rows 1000000 --small 10000 --database postgresql`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from tests.processes import BARE, command, free_port

from benchmarks.execution_rows import MODULES, TASK_NAMES, USERS, load
from benchmarks.parts import database_url, process, running_broker
from benchmarks.table import Goal, Measurement, render
from task_manager.v1 import execution_service_pb2, execution_service_pb2_grpc
from task_server.store import rollups
from task_server.store.database import Database
from task_server.store.migrator import migrate
from task_server.store.tables.executions import ExecutionRow

#: Who asks: an admin who has more runs than any other.
_CALLER = USERS[0]
_CALLS = 15
#: A call that takes longer is not made so often, in seconds for all its calls.
_PATIENCE = 6.0
_LIST_GOAL = Goal(bound=2.0, of_ratio=True)
_ALL_GOAL = Goal(bound=3.0, of_ratio=True)
_PAGE = 50
_START_SECONDS = 20.0
#: How many changes are folded at once after the rows were loaded.
_FOLDED = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is asked for. `fields` are those of the request."""

    what: str
    method: str
    fields: Mapping[str, Any]
    goal: Goal | None = _LIST_GOAL


class Table:
    """A server over a table of so many rows."""

    def __init__(self, rows: int, address: str, token: str, parent_task: str) -> None:
        self.rows = rows
        self._channel = grpc.aio.insecure_channel(address)
        stub: Any = execution_service_pb2_grpc.ExecutionServiceStub
        self._stub = stub(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._parent_task = parent_task
        self._last_page = ""

    async def ask(self, case: Case) -> Any:
        """The answer."""
        fields = dict(case.fields)
        if "parent_task" in fields:
            fields["parent_task"] = self._parent_task
        if "page_token" in fields:
            fields["page_token"] = self._last_page
        request = getattr(execution_service_pb2, f"{case.method}Request")(**fields)
        return await getattr(self._stub, case.method)(request, metadata=self._metadata)

    async def find_last_page(self) -> int:
        """Read to the last page; return how many pages there are to it."""
        size, pages, left = 1000, 1, self.rows
        while True:
            request = execution_service_pb2.ListExecutionsRequest(
                my_tasks=False, page_size=size, page_token=self._last_page
            )
            page = await self._stub.ListExecutions(request, metadata=self._metadata)
            if not page.next_page_token:
                return pages
            self._last_page = page.next_page_token
            pages += 1
            left -= len(page.executions)
            size = min(1000, max(left - _PAGE, _PAGE))

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close(None)


def cases() -> list[Case]:
    """What is measured."""
    middle = str((datetime.now(UTC) - timedelta(days=10)).date())
    name, module = TASK_NAMES[1]
    everybody = {"my_tasks": False}

    def listed(what: str, **fields: Any) -> Case:
        return Case(what, "ListExecutions", everybody | fields)

    return [
        listed("first page"),
        listed("last page", page_token="last"),
        listed("module", module=module),
        listed("task_name", task_name=name),
        listed("status SUCCESS", status="SUCCESS"),
        listed("status FAILURE", status="FAILURE"),
        Case("created_by", "ListExecutions", {"created_by": USERS[7]}),
        listed("start_date", start_date=middle),
        listed("end_date", end_date=middle),
        listed("parent_task", parent_task="one"),
        listed("metadata, 1 of 10", filter='metadata.source = "manual_trigger"'),
        listed("metadata, one customer", filter='metadata.customer = "c1"'),
        listed("module and status", module=module, status="FAILURE"),
        listed("task_name and start_date", task_name=name, start_date=middle),
        Case("created_by and module", "ListExecutions", {"created_by": USERS[7], "module": module}),
        Case("my-tasks", "ListMyExecutions", {}),
        Case("my-tasks, module and start_date", "ListMyExecutions", {"module": module, "start_date": middle}),
        Case("stats of one user", "GetExecutionStats", {}),
        Case("stats over all", "GetExecutionStats", everybody, _ALL_GOAL),
        Case("stats of one module", "GetExecutionStats", everybody | {"module": MODULES[1]}, None),
        Case("stats over all since a date", "GetExecutionStats", everybody | {"start_date": middle}, _ALL_GOAL),
    ]


@contextlib.contextmanager
def served(rows: int, engine: str) -> Iterator[tuple[str, str, str]]:
    """A server over so many rows: its address, the caller's token and a task with runs."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tm-bench-")))
        url = stack.enter_context(database_url(engine, home))
        stack.enter_context(running_broker(home))
        parent_task = _fill(url, rows)
        address = f"127.0.0.1:{free_port()}"
        environment = BARE | {
            "TASK_SERVER_DATA_DIR": str(home),
            "TASK_SERVER_DATABASE_URL": url,
            "TASK_SERVER_BROKER_URL": f"redis+socket://{home / 'b.sock'}",
            "TASK_SERVER_GRPC_ADDRESS": address,
            "TASK_SERVER_RATE_PER_TOKEN": "0",
            "TASK_SERVER_RATE_PER_OWNER": "0",
        }
        made = subprocess.run(
            command("token", "create", "--user", _CALLER, "--role", "admin"),
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        stack.enter_context(process(command("server"), environment, home / "server.log"))
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)
        yield address, made.stdout.split()[-1], parent_task


def _fill(url: str, rows: int) -> str:
    """Load the rows; return a task that has some."""
    database = Database(url)
    try:
        migrate(database)
        began = time.monotonic()
        load(database, rows)
        loaded = time.monotonic()
        _fold(database)
        if not database.is_sqlite:
            # What autovacuum does by itself within a minute.
            for table in database.engine.get_tables():
                database.engine.execute_sql(f'VACUUM ANALYZE "{table}"')
        ready = time.monotonic()
        print(f"{rows:,} rows loaded in {loaded - began:.0f} s, folded in {ready - loaded:.0f} s", flush=True)
        with database.read():
            found = ExecutionRow.select(ExecutionRow.parent_task).where(ExecutionRow.parent_task.is_null(False))
            (parent_task,) = found.order_by(ExecutionRow.id.desc()).limit(1).tuples()[0]
            return str(parent_task)
    finally:
        database.close()


def _fold(database: Database) -> None:
    """Fold all changes, in larger steps than a scheduler's, which has to let others write between."""
    folded = _FOLDED
    while folded == _FOLDED:
        with database.write(), database.patiently():
            folded = rollups.fold(database, _FOLDED)


async def _compare(case: Case, large: Table, small: Table) -> Measurement:
    """The medians of calls that are made by turns."""
    times: dict[int, list[float]] = {large.rows: [], small.rows: []}
    found = {}
    began = time.monotonic()
    try:
        for number in range(_CALLS):
            for table in (large, small):
                asked = time.perf_counter()
                found[table.rows] = await table.ask(case)
                if number:  # the first one also plans and reads what the others find read
                    times[table.rows].append((time.perf_counter() - asked) * 1000)
            if number and time.monotonic() - began > _PATIENCE:
                break
    except grpc.aio.AioRpcError as error:
        print(f"{case.what}: {error.code().name} {error.details()}", flush=True)
        return Measurement(what=case.what, measured=0, unit="ms", note=f"{error.code().name}")
    return Measurement(
        what=case.what,
        measured=statistics.median(times[large.rows]),
        unit="ms",
        reference=statistics.median(times[small.rows]),
        reference_is=f"ms at {small.rows:,}",
        goal=case.goal,
        note=f"{_size(found[large.rows])} of {_size(found[small.rows])}",
    )


def _size(answer: Any) -> str:
    if isinstance(answer, execution_service_pb2.ExecutionStats):
        return f"{answer.total:,}"
    return f"{answer.total_size:,}{' or more' if answer.total_size_is_least else ''}"


async def _measure(large: tuple[int, str, str, str], small: tuple[int, str, str, str]) -> list[Measurement]:
    tables = Table(*large), Table(*small)
    for table in tables:
        pages = await table.find_last_page()
        print(f"{table.rows:,} rows: {pages:,} pages to the last", flush=True)
    found = [await _compare(case, *tables) for case in cases()]
    for table in tables:
        await table.close()
    return found


def main() -> int:
    """Measure and print; 1 when a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.executions", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table (default: 1,000,000)")
    parser.add_argument("--small", type=int, default=10_000, help="rows of the small one (default: 10,000)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {options.database}", flush=True)
    with served(options.small, options.database) as small, served(options.rows, options.database) as large:
        found = asyncio.run(_measure((options.rows, *large), (options.small, *small)))
    print(render(found))
    return 0 if all(measurement.is_met is not False for measurement in found) else 1


if __name__ == "__main__":
    sys.exit(main())
