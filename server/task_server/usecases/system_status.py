"""What runs, for operators: processes, queues and versions."""

from __future__ import annotations

from dataclasses import dataclass

import task_server
from task_server.domain.clock import Micros
from task_server.domain.process import LIVE, Process
from task_server.store import processes, waiting
from task_server.store.database import Database
from task_server.store.migrator import schema_version
from task_server.store.waiting import Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStatus:
    """All of it, of one moment."""

    now: Micros
    version: str
    schema_version: int
    #: Those heard of lately, and those that ended without a word in the last hour.
    processes: list[Process]
    queues: dict[str, Depth]


class SystemStatuses:
    """The use cases of operators who look."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> SystemStatus:
        """What runs now. A queue is in it while anybody serves it, or anything of it waits or runs."""
        version = schema_version(self._database)
        with self._database.read():
            now = self._database.now()
            seen = processes.seen()
            depths = waiting.depths(now)
        served = {queue for process in seen if process.is_live(now) for queue in process.queues}
        queues = {queue: depths.get(queue, Depth(0, 0)) for queue in sorted(served | depths.keys())}
        return SystemStatus(
            now=now, version=task_server.__version__, schema_version=version, processes=seen, queues=queues
        )

    def runs_code(self) -> bool:
        """Whether any worker lives that runs code."""
        with self._database.read():
            return any(process.runs_code for process in processes.seen(self._database.now() - LIVE))
