"""A sweeper's loop: it sweeps again and again, pauses so that others may write, survives what goes wrong, and ends at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from task_server.domain.errors import DatabaseUnavailable
from task_server.scheduler.sweeper import Sweeper


class Sweeps:
    """Sweeps that do what the test says, one after the other; the last one again and again."""

    def __init__(self, *acts: Callable[[], Iterator[int]]) -> None:
        self._acts = list(acts)
        self._came = threading.Condition()
        self.begun = 0
        self.steps: list[float] = []
        self.left_by = ""

    def sweep(self) -> Iterator[int]:
        act = self._acts[min(self.begun, len(self._acts) - 1)]
        with self._came:
            self.begun += 1
            self._came.notify_all()
        for count in act():
            self.steps.append(time.monotonic())
            yield count

    def leave(self) -> None:
        self.left_by = threading.current_thread().name

    def wait_for(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: self.begun >= count, 20), "no sweep"


def nothing() -> Iterator[int]:
    return iter(())


def cleaner_of(sweeps: Sweeps, interval_seconds: float = 0.01) -> Sweeper:
    cleaner = Sweeper("cleaner", sweeps, interval_seconds, "removed what is kept no longer")
    cleaner.start()
    return cleaner


def test_it_goes_on_after_an_absent_database_and_after_a_defect_and_says_each_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away() -> Iterator[int]:
        yield 1
        raise DatabaseUnavailable

    def wrong() -> Iterator[int]:
        raise RuntimeError("a row that can not be read")
        yield 0

    sweeps = Sweeps(away, away, wrong, lambda: iter((3, 4)), nothing)
    with caplog.at_level(logging.INFO):
        cleaner = cleaner_of(sweeps)
        sweeps.wait_for(6)
        cleaner.stop()
    told = [(record.levelname, record.getMessage(), getattr(record, "rows", None)) for record in caplog.records]
    assert told == [
        ("WARNING", "the cleaner waits: the database is away", None),
        ("ERROR", "a sweep of the cleaner failed", None),
        ("INFO", "removed what is kept no longer", 7),
    ]
    assert sweeps.left_by == "cleaner"


def test_others_have_four_times_as_long_as_it_took_itself() -> None:
    def slow() -> Iterator[int]:
        for _ in range(3):
            time.sleep(0.05)
            yield 1

    sweeps = Sweeps(slow, nothing)
    cleaner = cleaner_of(sweeps)
    sweeps.wait_for(2)
    cleaner.stop()
    first, second, third = sweeps.steps
    for pause in (second - first, third - second):
        assert pause >= 0.25


def test_it_ends_between_two_transactions() -> None:
    begun = threading.Event()

    def endless() -> Iterator[int]:
        while True:
            begun.set()
            yield 1

    sweeps = Sweeps(endless)
    cleaner = cleaner_of(sweeps)
    assert begun.wait(20)
    began = time.monotonic()
    cleaner.stop()
    assert time.monotonic() - began < 30
    assert sweeps.begun == 1


def test_it_ends_at_once_while_it_sleeps() -> None:
    sweeps: Any = Sweeps(nothing)
    cleaner = cleaner_of(sweeps, 3600.0)
    began = time.monotonic()
    cleaner.stop()
    assert time.monotonic() - began < 30
    assert sweeps.begun == 0
