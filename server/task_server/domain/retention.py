"""What is kept for how long."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long, and how much, is kept of what is over. None means without a limit."""

    #: How long executions are kept after their end, and tasks after theirs.
    executions: Micros | None = None
    #: How many executions of one task are kept.
    executions_per_task: int | None = None
    #: How long the text that executions printed is kept after their end.
    logs: Micros | None = None
    #: How long events are kept, and so how old a watch token may be.
    events: Micros | None = None
    #: How long the audit log is kept; the tables refuse less than 30 days.
    audit: Micros | None = None
    #: How many events are kept.
    event_count: int | None = None
