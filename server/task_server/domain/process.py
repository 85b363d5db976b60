"""A process of the service, as it says of itself in the table that all of them see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from task_server.domain.clock import SECOND, Micros

#: How often a process says that it is there.
BEAT_SECONDS = 10.0
#: A process that was not heard of for so long is not counted on: three beats, and time for the database to store the last.
LIVE = 35 * SECOND


class ProcessRole(StrEnum):
    """What a process does. The words are stored, and shown."""

    SERVER = "server"
    WORKER = "worker"
    SCHEDULER = "scheduler"
    TRACKER = "tracker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process. Its times are by the database's clock."""

    #: As `worker@host:pid`.
    name: str
    role: ProcessRole
    #: The version of the service that it runs.
    version: str
    host: str
    pid: int
    started_at: Micros = 0
    seen_at: Micros = 0
    #: A worker's queues.
    queues: tuple[str, ...] = ()
    #: How many executions a worker runs at once.
    concurrency: int = 0
    #: The level of isolation that a worker's cage reached in its self-test; empty for other roles.
    isolation_level: str = ""
    isolation_layers: tuple[str, ...] = ()
    #: Why a worker runs no code; empty where it does.
    code_refusal: str = ""

    def is_live(self, now: Micros) -> bool:
        """Whether it was heard of lately."""
        return self.seen_at > now - LIVE

    def serves(self, queue: str) -> bool:
        """Whether it is a worker of that queue."""
        return self.role is ProcessRole.WORKER and queue in self.queues

    @property
    def runs_code(self) -> bool:
        """Whether it is a worker that runs code."""
        return self.role is ProcessRole.WORKER and not self.code_refusal
