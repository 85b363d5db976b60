"""A database of the first version, with tasks in it, is brought to the present tables and goes on."""

from __future__ import annotations

import json

import pytest
from tests.conformance.store.engine_values import SUCCESS
from tests.conformance.store.rollup_recount import difference

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.listing import ExecutionFilter
from task_server.domain.schedule import MisfirePolicy, OverlapPolicy
from task_server.domain.status import ExecutionStatus, TaskStatus
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.store.migrator import known_migrations, migrate
from task_server.store.tables.executions import ExecutionRow
from task_server.store.tables.schema import SchemaRow
from task_server.usecases.executions import Executions
from task_server.usecases.firing import Firing
from task_server.usecases.folding import Folding
from task_server.usecases.ports import Ports
from task_server.usecases.running import Running
from task_server.usecases.tasks import Tasks

_OWNER = {"owner_id": "ann", "owner_name": "Ann"}
#: As the first version wrote it.
_DEFINITION = {
    "name": "old",
    "action": {"kind": "code", "function_code": "def f(): pass", "function_name": "f", "args": [], "kwargs": {}},
    "schedule": {
        "delay_seconds": None,
        "run_at": None,
        "cron_expression": "* * * * * *",
        "time_zone": "",
        "start_at": None,
        "end_at": None,
        "max_runs": 0,
    },
    "timeout": 5.0,
    "queue": "default",
    "module": "",
    "metadata": {"action": {"kind": "http"}},
}
_TASK = {
    **_OWNER,
    "task_id": "t1",
    "name": "old",
    "task_type": "scheduled",
    "module": "",
    "definition": json.dumps(_DEFINITION),
    "status": "PENDING",
    "next_run_at": 1,
    "run_count": 1,
    "fire_count": 1,
    "last_execution_id": "e1",
    "created_at": 1,
    "updated_at": 1,
    "revision": 2,
}
_EXECUTION = {
    **_OWNER,
    "id": "e1",
    "task_id": "e1",
    "parent_task": "t1",
    "task_name": "old",
    "module": "",
    "status": "PENDING",
    "queue": "default",
    "due_at": 1,
    "scheduled_for": 1,
    "attempt": 1,
    "worker": "",
    "lost_count": 1,
    "publish_after": 1,
    "publish_count": 3,
    "created_at": 1,
    "started_at": 1,
    "task_args": "[]",
    "task_kwargs": "{}",
    "error": "",
    "traceback": "",
    "metadata": "{}",
    "isolation": "{}",
    "usage": "{}",
    "log_bytes": 0,
    "source": "WORKER",
    "rerun_of": "",
    "revision": 3,
}
#: Of a task that nobody can read.
_BROKEN_TASK = _TASK | {"task_id": "t2", "definition": '{"action":', "next_run_at": None}
#: Of a kind that nobody knows.
_ODD_TASK = _TASK | {"task_id": "t3", "definition": '{"action": {"kind": "odd"}}', "next_run_at": None}
_ODD_RUN = _EXECUTION | {"id": "e3", "task_id": "e3", "parent_task": "t3", "status": "SUCCESS"}
_BROKEN_RUN = _EXECUTION | {"id": "e2", "task_id": "e2", "parent_task": "t2", "status": "SUCCESS"}
_ATTEMPT = {"execution_id": "e1", "number": 1, "started_at": 1, "worker": "w0", "outcome": "LOST", "error": "gone"}


@pytest.fixture
def old_database(empty_database):
    first = known_migrations()[0]
    with empty_database.write():
        engine = empty_database.engine
        engine.create_tables([SchemaRow])
        first.up(engine)
        SchemaRow.create(version=first.version, name=first.name, applied_at=0)
        tasks = [("task", _TASK), ("task", _BROKEN_TASK), ("task", _ODD_TASK)]
        runs = [("execution", _EXECUTION), ("execution", _BROKEN_RUN), ("execution", _ODD_RUN)]
        for table, row in (*tasks, *runs, ("attempt", _ATTEMPT)):
            marks = ", ".join([engine.param] * len(row))
            engine.execute_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    return empty_database


def test_what_was_there_runs_on_under_the_new_rules(old_database, caller):
    migrate(old_database)
    ports = Ports(database=old_database, publisher=MemoryPublisher(), bell=MemoryBell(), republish_after_seconds=5)

    task = Tasks(ports).get(caller, "t1", full=True).task
    schedule = task.definition.schedule
    assert (schedule.misfire_policy, schedule.overlap_policy) == (MisfirePolicy.FIRE_ONCE, OverlapPolicy.ALLOW)
    assert (task.definition.retry_policy, task.missed_count, task.paused_at) == (None, 0, None)

    # The task's metadata, which says something else, is no definition; and what says nothing has no kind.
    with old_database.read():
        kinds = dict(ExecutionRow.select(ExecutionRow.id, ExecutionRow.action_kind).tuples())
    assert kinds == {"e1": "code", "e2": "", "e3": ""}

    def total() -> int:
        return Executions(ports).page(ExecutionFilter(owner_id="ann"), (), 10, full=False).total

    assert total() == 3
    assert sum(Folding(old_database).sweep()) == 3
    assert total() == 3
    with old_database.read():
        assert difference() == {}

    running = Running(ports, lease_seconds=30)
    claim = running.claim("e1", "w1")
    assert running.finish("e1", claim.attempt, SUCCESS)
    view = Executions(ports).get(caller, "e1", full=True)
    assert (view.execution.status, view.execution.lost_count) == (ExecutionStatus.SUCCESS, 1)
    assert [attempt.number for attempt in view.detail.attempts] == [1, 2]

    assert Firing(ports).fire_due() == 1
    task = Tasks(ports).get(caller, "t1", full=False).task
    assert task.status is TaskStatus.PENDING
    assert 9_000 < task.missed_count <= 10_000
    assert task.fire_count > 1


def test_indexes_of_lists_are_made_beside_whoever_reads(postgres_url):
    migrating, serving = Database(postgres_url), Database(postgres_url)
    steps = known_migrations()
    with migrating.write():
        for step in steps[:10]:
            step.up(migrating.engine)
    # Who reads now may be about to write: whatever waits for them to end, and lets nobody write, waits for ever.
    with serving.read():
        assert ExecutionRow.select(ExecutionRow.id).count() == 0
        with migrating.write():
            migrating.engine.execute_sql("SET LOCAL lock_timeout = '1s'")
            steps[10].up(migrating.engine)
    for database in (migrating, serving):
        database.close()
