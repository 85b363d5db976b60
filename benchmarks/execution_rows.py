"""Very many executions, straight into the tables: what a house of 50 users and 40 modules leaves behind in 30 days.

One task and one registered run are made by the use cases, and each row is a copy of either with other values, so that it has all
columns that there are. The triggers of the database count each row as they would any other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.actions import CodeAction
from task_server.domain.clock import SECOND, Micros
from task_server.domain.owner import Caller, Owner, Role
from task_server.domain.registration import Registration
from task_server.domain.task import TaskDefinition
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.tasks import TaskRow
from task_server.usecases.ports import Ports
from task_server.usecases.registering import Registering
from task_server.usecases.tasks import Tasks

USERS = [f"user{number:02}" for number in range(50)]
MODULES = [f"module{number:02}" for number in range(40)]
#: Each belongs to one module.
TASK_NAMES = [(f"{MODULES[number % 40]}.tasks.job{number:02}", MODULES[number % 40]) for number in range(100)]
DAYS = 30

#: Nine of ten have ended.
_STATUSES = {"SUCCESS": 82, "FAILURE": 6, "REVOKED": 2, "PENDING": 7, "STARTED": 2, "RETRY": 1}
#: Of these a run of ours; the others are registered.
_OURS = 0.2
#: Retention keeps so many of a task, and a customer asks for so many: they are no more in a larger table, which has more of both.
_RUNS_OF_A_TASK = _RUNS_FOR_A_CUSTOMER = 200
_SOURCES = {"api": 60, "beat": 30, "manual_trigger": 10}
_REGIONS = ("eu", "us", "asia")
_BATCH = 20_000

Row = dict[str, Any]


def load(database: Database, rows: int, seed: int = 1) -> None:
    """Add so many executions, the oldest first, the same ones for the same seed but for the day."""
    chance = random.Random(seed)
    ours, registered = _patterns(database)
    tasks = _add_tasks(database, chance, max(1, int(rows * _OURS / _RUNS_OF_A_TASK)))
    made = _executions(rows, chance, database.now(), ours, registered, tasks)
    columns = list(ours)
    with _without_indexes(database):
        while batch := [tuple(row[column] for column in columns) for row in itertools.islice(made, _BATCH)]:
            with database.write(), database.patiently():
                _insert(database, columns, batch)


def _patterns(database: Database) -> tuple[Row, Row]:
    """A run of ours and a registered one, with all their columns; neither is left behind."""
    ports = Ports(database=database, publisher=MemoryPublisher(), bell=MemoryBell(), republish_after_seconds=5)
    caller = Caller(owner=Owner("bench", "Bench"), role=Role.EDITOR, token_id="bench")
    code = CodeAction(function_code="def main():\n    return 1", function_name="main")
    task = Tasks(ports).create(caller, TaskDefinition(name="bench", action=code, timeout=60.0)).task
    registration = Registration(task_id="bench", task_name="bench", module="bench", owner=caller.owner)
    registered_id = Registering(ports).register(caller, registration).execution.id
    with database.write():
        (ours,) = ExecutionRow.select().where(ExecutionRow.parent_task == task.task_id).dicts()
        (registered,) = ExecutionRow.select().where(ExecutionRow.id == registered_id).dicts()
        ExecutionRow.delete().where(ExecutionRow.id.in_([ours["id"], registered["id"]])).execute()
        TaskRow.update(status="SUCCESS", last_execution_id=None).execute()
    return ours, registered


def _add_tasks(database: Database, chance: random.Random, count: int) -> list[Row]:
    with database.write():
        (pattern,) = TaskRow.select().dicts()
        tasks = []
        for _ in range(count):
            owner_id = _user(chance)
            name, module = _task_name(chance)
            new = {"task_id": str(uuid.UUID(int=chance.getrandbits(128))), "owner_id": owner_id, "owner_name": owner_id}
            tasks.append(pattern | new | {"name": name, "module": module})
        for first in range(0, count, 500):
            TaskRow.insert_many(tasks[first : first + 500]).execute()
        TaskRow.delete().where(TaskRow.task_id == pattern["task_id"]).execute()
    return tasks


def _executions(
    rows: int, chance: random.Random, now: Micros, ours: Row, registered: Row, tasks: Sequence[Row]
) -> Iterator[Row]:
    apart = DAYS * 86_400 * SECOND // rows
    customers = max(1, rows // _RUNS_FOR_A_CUSTOMER)
    for number in range(rows):
        created_at = now - (rows - number) * apart
        execution_id = _id(created_at, chance)
        if chance.random() < _OURS:
            task = chance.choice(tasks)
            row = ours | {"task_id": execution_id, "parent_task": task["task_id"]}
            owner_id, name, module = task["owner_id"], task["name"], task["module"]
        else:
            row = registered | {
                "task_id": execution_id,
                "registered_task_id": str(uuid.UUID(int=chance.getrandbits(128))),
            }
            owner_id, (name, module) = _user(chance), _task_name(chance)
        yield (
            row
            | _life(chance, created_at)
            | {
                "id": execution_id,
                "owner_id": owner_id,
                "owner_name": owner_id,
                "task_name": name,
                "module": module,
                "task_kwargs": _text({"order": number, "region": chance.choice(_REGIONS)}),
                "metadata": _text({"source": _one_of(chance, _SOURCES), "customer": f"c{chance.randrange(customers)}"}),
            }
        )


def _life(chance: random.Random, created_at: Micros) -> Row:
    status = _one_of(chance, _STATUSES)
    waited = int(chance.expovariate(1 / 0.8) * SECOND)
    ran = int(chance.lognormvariate(0.5, 1.2) * SECOND)
    has_started = status in ("SUCCESS", "FAILURE", "STARTED", "RETRY")
    has_ended = status in ("SUCCESS", "FAILURE", "REVOKED")
    started_at = created_at + waited if has_started else None
    return {
        "status": status,
        "created_at": created_at,
        "due_at": created_at,
        "ready_at": created_at,
        "publish_after": created_at + 5 * SECOND,
        "started_at": started_at,
        "finished_at": (started_at or created_at) + ran if has_ended else None,
        "lease_until": created_at + 30 * SECOND if status == "STARTED" else None,
        "sync_after": None,
        "attempt": int(has_started),
        "revision": 1 + has_started + has_ended,
        "result": _text({"done": chance.randrange(1000), "note": "x" * 80}) if status == "SUCCESS" else None,
        "error": "ValueError: no such order" if status == "FAILURE" else "",
        "failure_reason": "EXCEPTION" if status == "FAILURE" else None,
    }


@contextlib.contextmanager
def _without_indexes(database: Database) -> Iterator[None]:
    """Make the indexes when all rows are there: that is faster than row by row, and the same in the end."""
    engine: Any = database.engine
    indexes = [index for index in engine.get_indexes("execution") if index.sql and not _is_constraint(index)]
    for index in indexes:
        engine.execute_sql(f"DROP INDEX {index.name}")
    yield
    with database.write(), database.patiently():
        for index in indexes:
            engine.execute_sql(index.sql)


def _is_constraint(index: Any) -> bool:
    return bool(index.name.endswith(("_pkey", "_key")))


def _insert(database: Database, columns: list[str], batch: list[tuple[Any, ...]]) -> None:
    connection: Any = database.engine.connection()
    names = ", ".join(columns)
    if database.is_sqlite:
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO execution ({names}) VALUES ({marks})", batch)
        return
    with connection.cursor() as cursor, cursor.copy(f"COPY execution ({names}) FROM STDIN") as copy:
        for row in batch:
            copy.write_row(row)


def _id(created_at: Micros, chance: random.Random) -> str:
    milliseconds = created_at // 1000
    return str(uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62) | chance.getrandbits(62)))


def _user(chance: random.Random) -> str:
    return USERS[_skewed(chance, len(USERS))]


def _task_name(chance: random.Random) -> tuple[str, str]:
    return TASK_NAMES[_skewed(chance, len(TASK_NAMES))]


def _skewed(chance: random.Random, count: int) -> int:
    """A number below `count`, the small ones more often: the first has some four times its even share."""
    return int(count * chance.random() ** 1.5)


def _one_of(chance: random.Random, weights: dict[str, int]) -> str:
    (found,) = chance.choices(list(weights), list(weights.values()))
    return found


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
