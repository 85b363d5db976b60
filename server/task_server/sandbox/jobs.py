"""What a child that runs code is asked to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any

#: The module that does these jobs.
RUNNER = "task_server.sandbox.runner"


class JobKind(Enum):
    """The kinds of jobs."""

    #: Compile the source and run nothing; the result is a list of [line, column, message].
    CHECK = "check"
    #: Compile regular expressions; the result is a list of what is wrong with each, null for nothing.
    PATTERNS = "patterns"
    #: Call the function; the result is what it returns.
    CALL = "call"
    #: Try what no child may be able to do; the result is a list of what was not refused.
    TRY = "try"


def check_job(source: str, function_name: str) -> bytes:
    """A job that finds what is wrong with the source."""
    return _job(JobKind.CHECK, source=source, function_name=function_name)


def patterns_job(patterns: Sequence[str]) -> bytes:
    """A job that finds what is wrong with regular expressions."""
    return _job(JobKind.PATTERNS, patterns=list(patterns))


def call_job(source: str, function_name: str, args: list[Any], kwargs: dict[str, Any]) -> bytes:
    """A job that calls `function_name` of the source with these arguments, which must be JSON."""
    return _job(JobKind.CALL, source=source, function_name=function_name, args=args, kwargs=kwargs)


def try_job() -> bytes:
    """A job that tries the layers."""
    return _job(JobKind.TRY)


def read_job(job: bytes) -> tuple[JobKind, dict[str, Any]]:
    """The kind of a job and what it is about."""
    ((kind, request),) = json.loads(job).items()
    return JobKind(kind), request


def _job(kind: JobKind, **request: Any) -> bytes:
    return json.dumps({kind.value: request}).encode()
