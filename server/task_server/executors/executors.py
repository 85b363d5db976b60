"""Which executor runs which action."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from task_server.domain.actions import Action, CodeAction, HttpAction
from task_server.domain.secret import SealedSecret
from task_server.executors.code import CodeExecutor
from task_server.executors.executor import AttemptId, Run
from task_server.executors.http import HttpExecutor
from task_server.sandbox.self_test import SelfTest


class Executors:
    """An executor for every kind of action."""

    def __init__(self, *, code: CodeExecutor, http: HttpExecutor) -> None:
        self._code = code
        self._http = http

    def start(
        self,
        action: Action,
        *,
        attempt: AttemptId,
        timeout: float,
        log: Callable[[str], None],
        sealed: Sequence[SealedSecret] = (),
    ) -> Run:
        """Start the action with the executor of its kind; see Executor. Code has no secrets: it could show them to anybody."""
        match action:
            case CodeAction():
                return self._code.start(action, timeout=timeout, log=log)
            case HttpAction():
                return self._http.start(action, attempt=attempt, timeout=timeout, log=log, sealed=sealed)

    def examine_cage(self) -> SelfTest:
        """Find out, in a real child, whether the cage for code holds. The process that it is forked from goes on. Never raises."""
        return self._code.examine_cage()

    def warm_up(self) -> None:
        """Start the process that code runs are forked from now; HTTP calls are rarer, and theirs starts with the first.

        Raises SandboxUnavailable.
        """
        self._code.warm_up()

    @property
    def sandbox_deaths(self) -> int:
        """How often the process that code runs are forked from has died by itself, and was started again."""
        return self._code.sandbox_deaths

    def close(self) -> None:
        """Close them all."""
        self._code.close()
        self._http.close()
