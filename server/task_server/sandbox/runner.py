"""What a child does for a code task: compile the source, call the function, answer with its result."""

from __future__ import annotations

import gc
import importlib
import json
import re
import time
import warnings
from typing import Any

from task_server.sandbox.attempts import succeeded
from task_server.sandbox.channel import Channel, failure_frame
from task_server.sandbox.jobs import JobKind, read_job
from task_server.sandbox.policy.compiler import Program, Refused, compile_source
from task_server.sandbox.policy.contents import seed_random
from task_server.sandbox.policy.modules import IMPORTED_BY_C
from task_server.sandbox.policy.namespace import task_globals
from task_server.sandbox.policy.vocabulary import is_special, private_name
from task_server.sandbox.policy.zones import load_zones
from task_server.sandbox.profile import CODE_PROFILE
from task_server.sandbox.result_text import NotJson, TooLarge, result_text
from task_server.sandbox.user_errors import error_text, traceback_text

PROFILE = CODE_PROFILE

#: What the standard library loads at first use, which would be in a child that may be unable to open files.
_LATE_MODULES = ("encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.unicode_escape")
#: Made while there is memory.
_OUT_OF_MEMORY = failure_frame("MEMORY_LIMIT", "The run asked for more memory than one run may have.")


def prepare() -> None:
    """Do once what each child would do again: read the time zone, warm the compiler."""
    time.tzset()
    # What a source provokes while it is compiled would look for its text in files.
    warnings.simplefilter("ignore")
    load_zones()
    for name in (*IMPORTED_BY_C, *_LATE_MODULES):
        importlib.import_module(name)
    compile_source("def warm(x: int = 1):\n    d = {'a': x}\n    d['a'] += 1\n    return '{}'.format(d)\n", "warm")


def run(job: bytes, channel: Channel) -> None:
    """Do the job and answer."""
    kind, request = read_job(job)
    try:
        match kind:
            case JobKind.CHECK:
                _check(channel, **request)
            case JobKind.PATTERNS:
                channel.result(json.dumps([_problem_of(pattern) for pattern in request["patterns"]]).encode())
            case JobKind.CALL:
                _call(channel, **request)
            case JobKind.TRY:
                channel.result(json.dumps(succeeded()).encode())
    except MemoryError:
        # The frames that hold the memory end with this handler's traceback; this needs none.
        channel.write(_OUT_OF_MEMORY)


def _check(channel: Channel, source: str, function_name: str) -> None:
    try:
        compile_source(source, function_name)
        findings = []
    except Refused as refused:
        findings = refused.findings
    channel.result(json.dumps([[found.line, found.column, found.message] for found in findings]).encode())


def _problem_of(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return None


def _call(channel: Channel, source: str, function_name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        program = compile_source(source, function_name)
    except Refused as refused:
        channel.failure("CODE_REFUSED", str(refused))
        return
    seed_random()
    try:
        value = _value(program, function_name, channel, args, kwargs)
    except MemoryError:
        raise
    except BaseException as error:
        # Whatever it is, SystemExit and KeyboardInterrupt too, it is the task's and ends the task only.
        channel.failure("EXCEPTION", error_text(error), traceback_text(error, source))
        return
    # Nothing that the task wrote runs from here on: a collection would end its generators amid the serialisation.
    gc.disable()
    try:
        channel.result(result_text(value, channel.max_result))
    except NotJson as error:
        channel.failure("RESULT_NOT_JSON", str(error))
    except TooLarge:
        channel.failure("RESULT_TOO_LARGE", f"The result is larger than {channel.max_result} bytes as JSON.")


def _value(program: Program, function_name: str, channel: Channel, args: list[Any], kwargs: dict[str, Any]) -> Any:
    names = task_globals(channel.log)
    exec(program.code, names)  # noqa: S102 - this is what the process is for
    private = function_name.startswith("_") and function_name != "_" and not is_special(function_name)
    function = names.get(private_name(function_name) if private else function_name)
    if not callable(function):
        message = f"{function_name!r} is no function once the code has run"
        raise TypeError(message)
    return function(*args, **kwargs)
