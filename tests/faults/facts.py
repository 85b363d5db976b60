"""What is known after a run: the database's rows, and what the harness saw itself. The checks read nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.faults.item import Deed, Item
from tests.faults.load import Made
from tests.faults.module_stops import ModuleStop
from tests.faults.options import Options
from tests.faults.process import Mishap
from tests.faults.sink import Call
from tests.faults.storm import Injection
from tests.faults.tables import Tables
from tests.faults.updates import Update
from tests.faults.watcher import Seen

_FILE = "evidence.json"
_ROWS = "rows.json"
RowT = TypeVar("RowT")
#: What is counted by all names, and what each other way to count has in all, against the rows, in one snapshot.
_MISCOUNTS = """
SELECT grouping_set, period, owner_id, module, task_name, outcome, SUM(n) FROM (
    SELECT grouping_set, period, owner_id, module, task_name, outcome, n FROM execution_rollup
    WHERE measure = 0 AND grouping_set = 7
    UNION ALL SELECT 7, 0, owner_id, module, task_name, outcome, n FROM execution_change
    UNION ALL SELECT 7, 0, owner_id, module, task_name, status, -1 FROM execution
    UNION ALL SELECT grouping_set, period, '', '', '', '', n FROM execution_rollup WHERE measure = 0 AND grouping_set <> 7
    UNION ALL SELECT ways.grouping_set, ways.period, '', '', '', '', execution_change.n FROM execution_change CROSS JOIN
        (SELECT DISTINCT grouping_set, period FROM execution_rollup WHERE measure = 0 AND grouping_set <> 7) AS ways
    UNION ALL SELECT ways.grouping_set, ways.period, '', '', '', '', -1 FROM execution CROSS JOIN
        (SELECT DISTINCT grouping_set, period FROM execution_rollup WHERE measure = 0 AND grouping_set <> 7) AS ways
) AS counted GROUP BY 1, 2, 3, 4, 5, 6 HAVING SUM(n) <> 0"""
#: The states that nothing leaves.
FINAL = ("SUCCESS", "FAILURE", "REVOKED")


class TaskRow(NamedTuple):
    """A row of `task`. Times are microseconds since the epoch."""

    task_id: str
    name: str
    module: str
    definition: str
    status: str
    next_run_at: int | None
    run_count: int
    last_execution_id: str | None
    created_at: int
    stopped_at: int | None
    deleted_at: int | None
    revision: int
    missed_count: int
    skipped_count: int


class ExecutionRow(NamedTuple):
    """A row of `execution`."""

    id: str
    parent_task: str
    status: str
    queue: str
    due_at: int
    scheduled_for: int | None
    deadline_at: int | None
    attempt: int
    lease_until: int | None
    lost_count: int
    created_at: int
    finished_at: int | None
    result: str | None
    error: str
    failure_reason: str | None
    log_bytes: int
    task_args: str
    metadata: str


class AttemptRow(NamedTuple):
    """A row of `attempt`."""

    execution_id: str
    number: int
    started_at: int
    finished_at: int | None
    worker: str
    outcome: str | None
    error: str


class EventRow(NamedTuple):
    """A row of `event`, with what its payload says."""

    task_id: str
    #: The task's revision.
    revision: int
    type: str
    execution_id: str
    status: str
    execution_revision: int
    attempt: int
    #: Whether the task had been stopped by then.
    is_stopped: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the harness saw itself, and would be gone with it."""

    options: Options
    #: How long each phase of the run took, in seconds.
    phases: dict[str, float]
    items: list[Item]
    made: list[Made]
    module_stops: list[ModuleStop]
    probes: dict[str, str]
    calls: list[Call]
    #: The queues that each worker serves, by the process id that is in its name.
    queues: dict[str, list[str]]
    #: Processes that were killed.
    kills: int
    seen: list[Seen]
    injections: list[Injection]
    mishaps: list[Mishap]
    #: Lines of the processes' logs that tell of a defect, with the process' name before.
    log_lines: list[str]
    #: Whatever else must be empty: leases where none belong, defects that a server or a client told of.
    defects: list[str]

    def save(self, directory: Path) -> None:
        """Keep it in a file."""
        (directory / _FILE).write_text(json.dumps(asdict(self), default=list))

    @classmethod
    def load(cls, directory: Path) -> Evidence:
        """Read what `save` wrote."""
        said = json.loads((directory / _FILE).read_text())
        return cls(
            **said
            | {
                "options": Options(**said["options"]),
                "items": [Item(**item | {"deeds": [Deed(**deed) for deed in item["deeds"]]}) for item in said["items"]],
                "made": [
                    Made(**made | {"updates": [Update(**update) for update in made["updates"]]})
                    for made in said["made"]
                ],
                "module_stops": [ModuleStop(**stop) for stop in said["module_stops"]],
                "calls": [Call(*call) for call in said["calls"]],
                "seen": [Seen(*seen) for seen in said["seen"]],
                "injections": [Injection(**injection) for injection in said["injections"]],
                "mishaps": [Mishap(**mishap) for mishap in said["mishaps"]],
            }
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Rows and evidence, and the few ways in which the checks look at them."""

    evidence: Evidence
    tasks: list[TaskRow]
    executions: list[ExecutionRow]
    attempts: list[AttemptRow]
    #: In the order of the stream.
    events: list[EventRow]
    #: What was printed: execution id to text.
    logs: Mapping[str, str] = field(default_factory=dict)
    #: Of a kind of executions, so many more are counted than there are rows.
    miscounts: list[tuple[Any, ...]] = field(default_factory=list)

    @cached_property
    def task(self) -> dict[str, TaskRow]:
        """Tasks by id."""
        return {task.task_id: task for task in self.tasks}

    @cached_property
    def item(self) -> dict[str, Item]:
        """Items by key, which is their tasks' name."""
        return {item.key: item for item in self.evidence.items}

    @cached_property
    def made(self) -> dict[str, Made]:
        """What became of the items by key."""
        return {made.key: made for made in self.evidence.made}

    @cached_property
    def stopped_modules(self) -> dict[str, ModuleStop]:
        """Stops by module."""
        return {stop.module: stop for stop in self.evidence.module_stops}

    def was_stop_asked(self, task: TaskRow) -> bool:
        """Whether anybody asked for the task's stop, by its id or by its module."""
        made = self.made.get(task.name)
        return (made is not None and made.stop_asked) or task.module in self.stopped_modules

    @cached_property
    def executions_of(self) -> dict[str, list[ExecutionRow]]:
        """Executions by their task."""
        return _grouped(self.executions, "parent_task")

    @cached_property
    def attempts_of(self) -> dict[str, list[AttemptRow]]:
        """Attempts by their execution, in the order of their numbers."""
        return _grouped(self.attempts, "execution_id")

    @cached_property
    def events_of(self) -> dict[str, list[EventRow]]:
        """Events by their execution, in the order of the stream."""
        return _grouped(self.events, "execution_id")

    @cached_property
    def events_of_task(self) -> dict[str, list[EventRow]]:
        """Events by their task, in the order of the stream."""
        return _grouped(self.events, "task_id")

    @cached_property
    def calls_of(self) -> dict[str, list[Call]]:
        """Calls that the sink got, by key."""
        return _grouped(self.evidence.calls, "key")

    def save(self, directory: Path) -> None:
        """Keep the rows in a file: a PostgreSQL server of the harness' own is gone with it."""
        kinds = (self.tasks, self.executions, self.attempts, self.events)
        rows = {type(kind[0]).__name__: [row._asdict() for row in kind] for kind in kinds if kind}
        (directory / _ROWS).write_text(json.dumps(rows, indent=1))

    @classmethod
    def read(cls, tables: Tables, evidence: Evidence) -> Facts:
        """Everything as it is now."""
        logs: dict[str, str] = defaultdict(str)
        for execution_id, text in tables.rows(
            "SELECT execution_id, text FROM execution_log ORDER BY execution_id, first_byte"
        ):
            logs[execution_id] += text
        return cls(
            evidence=evidence,
            tasks=_read(tables, TaskRow, "task"),
            executions=_read(tables, ExecutionRow, "execution"),
            attempts=_read(tables, AttemptRow, "attempt", "execution_id, number"),
            events=[
                _event(*row)
                for row in tables.rows('SELECT task_id, type, payload FROM event ORDER BY "transaction", number')
            ],
            logs=logs,
            miscounts=tables.rows(_MISCOUNTS),
        )


def _read(tables: Tables, kind: Any, table: str, order: str = "created_at") -> Any:
    return [kind(*row) for row in tables.rows(f"SELECT {', '.join(kind._fields)} FROM {table} ORDER BY {order}")]


def _event(task_id: str, kind: str, payload: str) -> EventRow:
    said = json.loads(payload)
    execution = said["execution"] or {"id": "", "status": "", "revision": 0, "attempt": 0}
    return EventRow(
        task_id,
        said["task"]["revision"],
        kind,
        execution["id"],
        execution["status"],
        execution["revision"],
        execution["attempt"],
        said["task"]["stopped_at"] is not None,
    )


def _grouped(rows: list[RowT], by: str) -> dict[str, list[RowT]]:
    groups: dict[str, list[RowT]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, by)].append(row)
    return groups
