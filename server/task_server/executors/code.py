"""Runs code tasks."""

from __future__ import annotations

from collections.abc import Callable

from task_server.domain.actions import MAX_RESULT_BYTES, CodeAction
from task_server.domain.status import FailureReason
from task_server.executors.executor import Run
from task_server.executors.sandboxed_run import start_sandboxed
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.self_test import SelfTest, self_test
from task_server.sandbox.supervisor import Supervisor

#: What a code task may use where the operator says nothing else; the wall clock is each task's own timeout.
DEFAULT_LIMITS = Limits(wall_seconds=300.0, result_bytes=MAX_RESULT_BYTES)

_REASONS = frozenset(
    {
        FailureReason.EXCEPTION,
        FailureReason.MEMORY_LIMIT,
        FailureReason.RESULT_TOO_LARGE,
        FailureReason.RESULT_NOT_JSON,
        FailureReason.CODE_REFUSED,
    }
)


class CodeExecutor:
    """Runs each code task in a child of its own.

    Parameters:
        limits: what one run may use; `wall_seconds` gives way to the timeout of each run.
        stop_grace: seconds between asking a stopped run to end and killing it.
        lenient: whether code also runs where its cage does not hold.
        separate: whether runs are in namespaces of their own where the kernel allows it.
    """

    def __init__(
        self,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_grace: float = 1.0,
        lenient: bool = False,
        separate: bool = True,
    ) -> None:
        self._limits = limits
        self._supervisor = Supervisor(RUNNER, stop_grace=stop_grace, lenient=lenient, separate=separate)

    def examine_cage(self) -> SelfTest:
        """Find out, in a real child, whether the cage holds. Never raises."""
        return self_test(self._supervisor)

    def warm_up(self) -> None:
        """Start the process that children are forked from now, and not with the first run.

        Raises SandboxUnavailable.
        """
        self._supervisor.warm_up()

    def start(self, action: CodeAction, *, timeout: float, log: Callable[[str], None]) -> Run:
        """Start the action; see Executor."""
        return start_sandboxed(
            self._supervisor,
            call_job(action.function_code, action.function_name, action.args, action.kwargs),
            self._limits.within(timeout),
            reasons=_REASONS,
            log=log,
        )

    @property
    def sandbox_deaths(self) -> int:
        """How often the process that children are forked from has died by itself."""
        return self._supervisor.deaths

    def close(self) -> None:
        """End everything that still runs."""
        self._supervisor.close()
