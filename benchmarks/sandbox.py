"""What the cage costs: a function that does nothing, with every limit and filter on, against a bare fork."""

from __future__ import annotations

import statistics
import time

from benchmarks import bare_fork
from benchmarks.table import Measurement
from task_server.domain.actions import CodeAction
from task_server.executors.code import CodeExecutor

_EMPTY = CodeAction(function_code="def f():\n    return None\n", function_name="f")


def measure() -> list[Measurement]:
    """Measure it."""
    executor = CodeExecutor()
    try:
        executor.warm_up()
        caged = statistics.median(_run(executor) for _ in range(100))
    finally:
        executor.close()
    return [
        Measurement(
            what="sandboxed empty function, p50",
            measured=caged * 1000,
            unit="ms",
            reference=bare_fork.median_seconds() * 1000,
            reference_is="ms bare fork",
        )
    ]


def _run(executor: CodeExecutor) -> float:
    began = time.perf_counter()
    outcome = executor.start(_EMPTY, timeout=10, log=lambda _text: None).wait()
    if outcome.error:
        raise RuntimeError(outcome.error)
    return time.perf_counter() - began
