"""An execution: one run of a task, or of another Celery app's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from task_server.domain.actions import ActionKind
from task_server.domain.clock import Micros
from task_server.domain.outcome import Isolation, Usage
from task_server.domain.owner import Owner
from task_server.domain.status import TRANSITIONS, AttemptOutcome, ExecutionStatus, FailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at running."""

    number: int
    started_at: Micros
    worker: str
    finished_at: Micros | None = None
    outcome: AttemptOutcome | None = None
    error: str = ""
    failure_reason: FailureReason | None = None
    #: Where its part of the run's log begins, in bytes.
    log_offset: int = 0
    #: How long that part is, known when it has ended.
    log_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A run as it is stored. `attempt` is the fencing token: only the worker that claimed that number may finish it."""

    id: str
    #: The Celery task id; the same as `id` for runs of this service.
    task_id: str
    #: The Task that made it; empty for a foreign run.
    parent_task: str
    task_name: str
    module: str
    owner: Owner
    status: ExecutionStatus
    queue: str
    #: Which workers may run it; None for a foreign run, which none of ours runs.
    action_kind: ActionKind | None = None
    #: Never started before this.
    due_at: Micros
    #: The cron time that it stands for.
    scheduled_for: Micros | None = None
    #: It must have ended by then, over all attempts.
    deadline_at: Micros | None = None
    attempt: int = 0
    #: Attempts that failed by themselves: what the retry policy counts.
    failed_count: int = 0
    #: Attempts whose worker, or whose child process, was lost.
    lost_count: int = 0
    #: It waits for something else than its time: the end of an earlier run (overlap policy), or ResumeTask. Nobody claims it.
    held: bool = False
    #: Whose places it needs one of, besides its queue's and its owner's; empty for none.
    concurrency_key: str = ""
    #: The scope in which it found no place and so waits for one (`store.places`); empty for none.
    waits_for: str = ""
    worker: str = ""
    stop_requested_at: Micros | None = None
    created_at: Micros
    started_at: Micros | None = None
    finished_at: Micros | None = None
    error: str = ""
    failure_reason: FailureReason | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    source: str = "WORKER"
    observed_at: Micros | None = None
    log_bytes: int = 0
    rerun_of: str = ""
    #: Of a foreign run: the Celery app that runs it, as the operator calls it; empty where nobody said.
    app: str = ""
    #: Of a foreign run: how often it was tried again, as far as that was seen.
    retries: int = 0
    #: Of a foreign run: the id of the user whose credentials named its owner; empty where nobody has, and the owner is assumed
    #: (`domain.attribution`). None where that was not kept yet when it was recorded.
    named_by: str | None = None
    #: Of a foreign run: whether it is what a registration says; else it is what was told of it first.
    is_registered: bool = True
    revision: int = 1

    @property
    def is_foreign(self) -> bool:
        """Whether another Celery app runs it, and not this service."""
        return not self.parent_task

    def changed(self, **changes: Any) -> Execution:
        """This run with `changes`, one revision on. Raises ValueError for a move that `status.TRANSITIONS` does not have."""
        status = changes.get("status", self.status)
        if status is not self.status and status not in TRANSITIONS[self.status]:
            raise ValueError(f"an execution does not go from {self.status} to {status}")
        return replace(self, revision=self.revision + 1, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDetail:
    """The heavy parts of a run, read only where they are asked for."""

    task_args: list[Any] = field(default_factory=list)
    task_kwargs: dict[str, Any] = field(default_factory=dict)
    result_json: str | None = None
    traceback: str = ""
    isolation: Isolation = field(default_factory=Isolation)
    usage: Usage = field(default_factory=Usage)
    #: Why something that the run made is not here. Empty where all is.
    omission: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """A piece of what a run printed."""

    #: Bytes from the beginning of the log.
    offset: int
    attempt: int
    text: str
