"""Stops of all tasks of a module, as they were asked for, and what was answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.callers import Callers, Unanswered


@dataclass(slots=True, kw_only=True)
class ModuleStop:
    """First the count with `validate_only`, then the stop. Times are in seconds since the epoch, 0 for what was not answered."""

    module: str
    #: Names of the tasks whose create had been answered before the count, and before the stop, was asked for.
    known_to_count: list[str] = field(default_factory=list)
    known_to_stop: list[str] = field(default_factory=list)
    #: When the count was answered, and what it was.
    counted_at: float = 0.0
    count: int = 0
    #: When the stop was asked for and answered, how many it said that it stopped, and how many calls before had no answer.
    began: float = 0.0
    ended: float = 0.0
    stopped: int = 0
    unknown: int = 0


def stop_module(callers: Callers, module: str, known: Callable[[], list[str]], record: ModuleStop) -> None:
    """Count what a stop would stop, then stop it.

    Parameters:
        known: gives the names of the module's tasks whose create was answered so far.
        record: where what comes of it is written, also for whoever reads it meanwhile.
    """
    try:
        record.known_to_count = known()
        record.count = callers.call(lambda client: client.stop_tasks(module=module, validate_only=True)).value
        record.counted_at = time.time()
        record.known_to_stop = known()
        record.began = time.time()
        answer = callers.call(lambda client: client.stop_tasks(module=module))
    except Unanswered:
        return  # the checks allow both
    record.stopped, record.unknown, record.ended = answer.value, answer.unknown, time.time()
