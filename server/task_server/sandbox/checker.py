"""Says what is wrong with a task's source, without running it and without compiling it in this process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence

from task_server.sandbox.ending import Cause, SandboxUnavailable
from task_server.sandbox.finding import MAX_FINDINGS, Finding
from task_server.sandbox.jobs import RUNNER, check_job, patterns_job
from task_server.sandbox.limits import MAX_SOURCE_BYTES, Limits
from task_server.sandbox.supervisor import Supervisor

_LIMITS = Limits(wall_seconds=10.0, cpu_seconds=5)
#: What people write compiles within milliseconds.
_PATTERN_LIMITS = Limits(wall_seconds=10.0, cpu_seconds=1)
_CACHE_SIZE = 1_024
#: Long findings are made anew each time: together they would fill this process.
_MAX_KEPT_CHARACTERS = 4_000


class CodeChecker:
    """Checks source in a child of its own zygote, which is started at the first check.

    Several threads may use it at the same time.

    Parameters:
        lenient: whether it also checks where the cage does not hold: the compiler runs in it as the code does.
        separate: whether its children are in namespaces of their own where the kernel allows it.
    """

    def __init__(self, *, lenient: bool = False, separate: bool = True) -> None:
        self._supervisor = Supervisor(RUNNER, lenient=lenient, separate=separate)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[bytes, bytes], list[Finding]] = OrderedDict()

    def check(self, source: str, function_name: str) -> list[Finding]:
        """What must be changed before `function_name` of `source` may run: at most 20 findings, empty when it may.

        Raises SandboxUnavailable when no child can be started; nothing is known of the source then.
        """
        data = source.encode("utf-8", "surrogatepass")
        if len(data) > MAX_SOURCE_BYTES:
            return [Finding(0, 0, f"the code has {len(data)} bytes; at most {MAX_SOURCE_BYTES} are allowed")]
        # Both are of the caller's making, and as long as a request may be.
        name = function_name.encode("utf-8", "surrogatepass")
        key = (hashlib.sha256(data).digest(), hashlib.sha256(name).digest())
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return list(self._known[key])
        findings = self._check(source, function_name)
        if findings is None:
            # Not kept: a busy machine may be the reason.
            return [Finding(0, 0, "the code takes too much time or memory to compile; make it simpler")]
        if sum(len(found.message) for found in findings) > _MAX_KEPT_CHARACTERS:
            return findings
        with self._lock:
            self._known[key] = findings
            if len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)
        return list(findings)

    def check_patterns(self, patterns: Sequence[str]) -> list[str | None]:
        """What is wrong with each of these regular expressions, None for nothing. Compiling one can take any time.

        Raises SandboxUnavailable as `check`.
        """
        text = self._answer(patterns_job(patterns), _PATTERN_LIMITS)
        if text is None:
            return ["takes too much time or memory to compile, alone or with the others; make it simpler"] * len(
                patterns
            )
        return [None if wrong is None else str(wrong) for wrong in json.loads(text)]

    def close(self) -> None:
        """End the zygote."""
        self._supervisor.close()

    def _check(self, source: str, function_name: str) -> list[Finding] | None:
        text = self._answer(check_job(source, function_name), _LIMITS)
        if text is None:
            return None
        return [Finding(line, column, message) for line, column, message in json.loads(text)[:MAX_FINDINGS]]

    def _answer(self, job: bytes, limits: Limits) -> bytes | None:
        """What a child says to a job, None where it came to nothing within its limits."""
        ending = self._supervisor.start(job, limits, log=lambda _text: None).wait()
        if ending.cause is Cause.LOST:
            # Compiling twice does no harm, and the zygote has been started again by then.
            ending = self._supervisor.start(job, limits, log=lambda _text: None).wait()
        if ending.cause in (Cause.UNCAGED, Cause.LOST):
            raise SandboxUnavailable(ending.detail)
        return ending.result
