"""Finds out what the cage is worth on this machine: a real child puts its layers on and tries what it must not be able to do."""

from __future__ import annotations

import json
from dataclasses import dataclass

from task_server.sandbox.ending import Cause, SandboxUnavailable
from task_server.sandbox.jobs import try_job
from task_server.sandbox.level import NONE, PROCESS, is_strict, level_of
from task_server.sandbox.limits import Limits
from task_server.sandbox.supervisor import Supervisor

_LIMITS = Limits(wall_seconds=10.0)


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was found out."""

    #: See `level`.
    level: str
    #: The layers that hold, outermost first.
    layers: tuple[str, ...]
    #: Why code may not run here, as one sentence; empty where it may.
    refusal: str


def self_test(supervisor: Supervisor) -> SelfTest:
    """Try the children of a supervisor whose runner is that for code. Never raises."""
    try:
        missing = _missing_layer(supervisor)
        # Leniently, to see what a child can do that lacks a layer; what it runs is ours.
        ending = supervisor.start(try_job(), _LIMITS, log=lambda _text: None, lenient=True).wait()
    except SandboxUnavailable as error:
        return SelfTest(NONE, (), f"No child can be started: {error}.")
    if ending.result is None:
        return SelfTest(
            NONE, ending.layers, f"The child of the self-test came to no end: {ending.detail or ending.cause.name}."
        )
    level, succeeded = level_of(ending.layers), json.loads(ending.result)
    if missing:
        return SelfTest(level, ending.layers, f"The cage is not complete: {missing}.")
    if succeeded:
        level = PROCESS if is_strict(level) else level
        return SelfTest(
            level, ending.layers, f"The layers do not hold what they promise: a child could {', '.join(succeeded)}."
        )
    return SelfTest(level, ending.layers, "")


def _missing_layer(supervisor: Supervisor) -> str:
    """What keeps a child from running code, empty where nothing does."""
    ending = supervisor.start(try_job(), _LIMITS, log=lambda _text: None, lenient=False).wait()
    return ending.detail if ending.cause is Cause.UNCAGED else ""
