"""A run in a child of the sandbox, and the one translation of how a child ended to an outcome."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, NoReturn

from task_server.domain.outcome import Isolation, Outcome, Usage
from task_server.domain.outcome import Limits as LimitsKept
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.executor import EndedRun, Run
from task_server.sandbox.child_run import ChildRun
from task_server.sandbox.ending import Cause, Ending, SandboxUnavailable
from task_server.sandbox.level import level_of
from task_server.sandbox.limits import Limits
from task_server.sandbox.result_text import MAX_DEPTH
from task_server.sandbox.supervisor import Supervisor

logger = logging.getLogger(__name__)
#: What may become an infinite number (1e999, 400 digits and a point, 250 digits and e99) or half a character once it is read.
_DOUBTFUL = re.compile(rb"[eE]\+?\d{3}|\d{200}|\\u[dD]")


def start_sandboxed(
    supervisor: Supervisor,
    job: bytes,
    limits: Limits,
    *,
    reasons: frozenset[FailureReason],
    log: Callable[[str], None],
    said: Callable[[Ending], Ending] = lambda ending: ending,
) -> Run:
    """Start a job in a child.

    Parameters:
        reasons: the failures that a child may report of itself; anything else from it is a crash.
        said: how it ended as it may be stored and logged.
    """
    try:
        child = supervisor.start(job, limits, log)
    except SandboxUnavailable as error:
        logger.error("no child can be started: %s", error)
        return EndedRun(
            _failure(FailureReason.SANDBOX_UNAVAILABLE, "The worker could not start a process for the run.")
        )
    return _SandboxedRun(child, limits, reasons, said)


class _SandboxedRun:
    def __init__(
        self,
        child: ChildRun,
        limits: Limits,
        reasons: frozenset[FailureReason],
        said: Callable[[Ending], Ending],
    ) -> None:
        self._said = said
        self._child = child
        self._limits = limits
        self._reasons = reasons

    def wait(self) -> Outcome:
        return outcome_of(self._said(self._child.wait()), self._limits, self._reasons)

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        self._child.kill()


def outcome_of(ending: Ending, limits: Limits, reasons: frozenset[FailureReason]) -> Outcome:
    """What the end of a child means for its run."""
    isolation = _receipt(ending, limits)
    usage = Usage(
        cpu_seconds=ending.cpu_seconds,
        peak_memory_bytes=ending.peak_memory_bytes,
        exit_signal=ending.exit_signal,
    )
    if ending.cause is Cause.STOPPED:
        return Outcome(status=ExecutionStatus.REVOKED, isolation=isolation, usage=usage)
    if ending.cause is not Cause.COMPLETED:
        reason, error = _ended_by_force(ending, limits)
        return _failure(reason, error, isolation=isolation, usage=usage)
    try:
        result = _checked_json(ending.result)
    except ValueError:
        return _failure(
            FailureReason.RESULT_NOT_JSON, "The run answered with something else than JSON.", isolation, usage
        )
    if ending.failure is None:
        return Outcome(status=ExecutionStatus.SUCCESS, result_json=result, isolation=isolation, usage=usage)
    if ending.failure.reason not in reasons:
        logger.error(
            "a child reported %r: %s\n%s", ending.failure.reason, ending.failure.error, ending.failure.traceback
        )
        return _failure(
            FailureReason.CRASHED, "The run failed inside the sandbox, not in its own code.", isolation, usage
        )
    return Outcome(
        status=ExecutionStatus.FAILURE,
        result_json=result,
        error=ending.failure.error,
        traceback=ending.failure.traceback,
        failure_reason=FailureReason(ending.failure.reason),
        isolation=isolation,
        usage=usage,
    )


def _receipt(ending: Ending, limits: Limits) -> Isolation:
    if not ending.layers:
        # It ended before it had any, and so before it had seen its job.
        return Isolation()
    return Isolation(level=level_of(ending.layers), layers=ending.layers, limits=LimitsKept(**asdict(limits)))


def _ended_by_force(ending: Ending, limits: Limits) -> tuple[FailureReason, str]:
    match ending.cause:
        case Cause.WALL:
            return FailureReason.TIMEOUT, f"The run ran longer than its timeout of {limits.wall_seconds:g} s."
        case Cause.CPU:
            return FailureReason.CPU_LIMIT, f"The run used more than {limits.cpu_seconds} s of processor time."
        case Cause.OUTPUT:
            return FailureReason.OUTPUT_LIMIT, f"The run printed more than {limits.output_bytes} bytes."
        case Cause.RESULT:
            return FailureReason.RESULT_TOO_LARGE, f"The result is larger than {limits.result_bytes} bytes as JSON."
        case Cause.LOST:
            return FailureReason.SANDBOX_UNAVAILABLE, ending.detail
        case Cause.UNCAGED:
            logger.error("a run could not be caged: %s", ending.detail)
            return FailureReason.SANDBOX_UNAVAILABLE, "The worker could not limit the process of the run."
        case _:
            return FailureReason.CRASHED, ending.detail


def _failure(
    reason: FailureReason, error: str, isolation: Isolation | None = None, usage: Usage | None = None
) -> Outcome:
    return Outcome(
        status=ExecutionStatus.FAILURE,
        failure_reason=reason,
        error=error,
        isolation=isolation or Isolation(),
        usage=usage or Usage(),
    )


def _checked_json(text: bytes | None) -> str | None:
    """The text, if it is JSON for every reader. A child that was broken into may send anything."""
    if text is None:
        return None
    try:
        decoded = text.decode()
        value = json.loads(decoded, parse_constant=_refuse_constant)
        if _DOUBTFUL.search(text):
            # To write it again finds numbers that became infinite, and halves of surrogate pairs; it takes as long as to read it.
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
            _check_depth(value)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
    return decoded


def _check_depth(value: Any) -> None:
    inner = [value]
    for _ in range(MAX_DEPTH):
        inner = [item for each in inner if isinstance(each, list | dict) for item in _items(each)]
    if any(isinstance(each, list | dict) for each in inner):
        message = "nested too deeply"
        raise ValueError(message)


def _items(container: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
