"""One real sandbox for all tests of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from task_server.sandbox.child_run import ChildRun
from task_server.sandbox.ending import Ending
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor


@dataclass
class Sandbox:
    """Runs source in real children."""

    supervisor: Supervisor
    limits: Limits = field(default_factory=lambda: Limits(wall_seconds=20.0))

    def start(self, source: str, *args: Any, log: Callable[[str], None] | None = None, **limits: Any) -> ChildRun:
        job = call_job(source, "run", list(args), {})
        return self.supervisor.start(job, replace(self.limits, **limits), log or (lambda _text: None))

    def run(self, source: str, *args: Any, **options: Any) -> Ending:
        return self.start(source, *args, **options).wait()

    def value(self, source: str, *args: Any) -> Any:
        ending = self.run(source, *args)
        assert ending.result is not None, ending
        return json.loads(ending.result)

    def failure(self, source: str, *args: Any) -> tuple[str, str]:
        ending = self.run(source, *args)
        assert ending.failure is not None, ending
        return ending.failure.reason, ending.failure.error


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    supervisor = Supervisor(RUNNER)
    yield Sandbox(supervisor)
    supervisor.close()
