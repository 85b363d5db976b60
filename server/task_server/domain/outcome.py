"""What a run came to: the one value that travels back from an executor to the database."""

from __future__ import annotations

from dataclasses import dataclass, field

from task_server.domain.status import ExecutionStatus, FailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the run might have used. Times are in seconds, sizes in bytes."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    output_bytes: int
    result_bytes: int
    open_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The receipt: what kept the run apart from the worker and from others."""

    #: From "none" and "process" over "strict" and "strict+landlock" to "strict+landlock+ns". Empty where nothing ran.
    level: str = ""
    #: The layers that held, outermost first.
    layers: tuple[str, ...] = ()
    #: None where nothing ran, and for runs of versions that did not keep it.
    limits: Limits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the run used, as the operating system counted it."""

    #: Processor time, user and system.
    cpu_seconds: float = 0.0
    #: The largest resident memory.
    peak_memory_bytes: int = 0
    #: The signal that ended the child, 0 for none.
    exit_signal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: SUCCESS with a result, FAILURE with an error, or REVOKED when it was stopped."""

    status: ExecutionStatus
    #: The result as JSON text, exact. None when there is none; an API task keeps its answer also where it failed.
    result_json: str | None = None
    #: One sentence. Empty unless the run failed.
    error: str = ""
    #: The user's own stack; nothing of the server's.
    traceback: str = ""
    failure_reason: FailureReason | None = None
    #: The status of an API task's answer, where there was one and it was not as expected; for the retry policy.
    http_status: int | None = None
    #: How long that answer asks to wait before the call is made again, in seconds: 0 or more, at most `retry.MAX_RETRY_AFTER`.
    retry_after: float | None = None
    isolation: Isolation = field(default_factory=Isolation)
    usage: Usage = field(default_factory=Usage)
