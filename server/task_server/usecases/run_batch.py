"""Runs of other Celery apps that one transaction looks at, records and moves."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable, QuotaExceeded
from task_server.domain.observation import SYNC_PAUSE, Observation, describes, observed
from task_server.domain.registration import Registration
from task_server.store import tracked
from task_server.store.database import Database
from task_server.store.tracked import TrackedRun
from task_server.usecases.quotas import QuotaGuard

T = TypeVar("T")

#: How often a batch begins anew because others recorded one of its runs first: each time they were faster by a moment.
_MOST_TRIES = 10
_TOO_LARGE = f"the result is larger than {MAX_RESULT_BYTES:,} bytes as JSON and was not stored"


class _Overtaken(Exception):
    """Others recorded one of the runs meanwhile; the transaction is taken back and begins anew."""


class RunBatch:
    """The runs, each kept from everybody else until the transaction ends, and what is to be stored of them."""

    def __init__(self, found: Iterable[TrackedRun], now: Micros, quota_guard: QuotaGuard) -> None:
        self.now = now
        self._quota_guard = quota_guard
        self._under: dict[str, list[TrackedRun]] = {}
        for run in found:
            self._under.setdefault(run.execution.task_id, []).append(run)
        #: What is to be inserted and what is to be updated, by id.
        self.recorded: dict[str, TrackedRun] = {}
        self.moved: dict[str, TrackedRun] = {}

    def under(self, task_id: str) -> list[TrackedRun]:
        """The runs that anybody registered under that Celery task id."""
        return self._under.get(task_id, [])

    def of(self, task_id: str, owner_id: str) -> list[TrackedRun]:
        """The run that was registered for that owner under that Celery task id, if there is one."""
        return [run for run in self.under(task_id) if run.execution.owner.id == owner_id]

    def by_id(self) -> dict[str, TrackedRun]:
        """The runs by their execution ids."""
        return {run.execution.id: run for runs in self._under.values() for run in runs}

    def record(self, registration: Registration) -> TrackedRun:
        """Add the run that a registration tells of."""
        run = TrackedRun(execution=registration.execution(self.now), registration=registration)
        self._under.setdefault(registration.task_id, []).append(run)
        self.recorded[run.execution.id] = run
        return run

    def record_new(self, registrations: Iterable[Registration]) -> None:
        """Add the runs that are not recorded yet, but none of an owner who may not have so many more."""
        new: dict[str, dict[str, Registration]] = {}
        for each in registrations:
            if not self.of(each.task_id, each.owner.id):
                new.setdefault(each.owner.id, {}).setdefault(each.task_id, each)
        # In one order: no two batches wait for each other.
        for owner_id in sorted(new):
            with contextlib.suppress(QuotaExceeded):
                self.admit(new[owner_id].values())
                for registration in new[owner_id].values():
                    self.record(registration)

    def admit(self, new: Iterable[Registration]) -> None:
        """Raise QuotaExceeded where an owner may not have so many more runs as those."""
        # In one order, as above.
        for owner_id, count in sorted(Counter(registration.owner.id for registration in new).items()):
            self._quota_guard.admit(owner_id, executions=count, result_bytes=1)

    def move(self, run: TrackedRun, observation: Observation) -> bool:
        """Move a run as far as it was seen; whether that said anything new."""
        before, after = run.execution, observed(run.execution, observation, self.now)
        if after is not None:
            run.execution = after
            has_moved = (after.status, after.retries) != (before.status, before.retries)
            if has_moved and not before.status.is_terminal:
                # What was kept is of the state before.
                run.has_result = run.has_traceback = False
                run.traceback = run.omission = ""
        is_kept = describes(observation, run.execution) and self._keep(run, observation)
        if after is None and not is_kept:
            return False
        if run.execution.id not in self.recorded:
            self.moved[run.execution.id] = run
        return True

    def store(self) -> None:
        """Store what is not stored yet. Raises _Overtaken."""
        sync_after = self.now + SYNC_PAUSE
        if tracked.insert(self.recorded.values(), sync_after) < len(self.recorded):
            raise _Overtaken
        tracked.update(list(self.moved.values()), sync_after)
        self.recorded, self.moved = {}, {}

    def _keep(self, run: TrackedRun, observation: Observation) -> bool:
        """Keep the result and the traceback that were seen, or why they are not; whether there is anything to store."""
        is_over = run.execution.status.is_terminal
        result = observation.result_json if is_over and not run.has_result else None
        traceback = "" if run.has_traceback else observation.kept_traceback
        if result is None and not traceback:
            return False
        if omission := self._omission(run.execution.owner.id, result or "", traceback):
            run.omission = omission
            run.has_result = run.has_traceback = True
            return True
        if result is not None:
            run.result_json, run.has_result = result, True
        if traceback:
            run.traceback, run.has_traceback = traceback, True
        return True

    def _omission(self, owner_id: str, result: str, traceback: str) -> str:
        size = len(result.encode())
        if size > MAX_RESULT_BYTES:
            return _TOO_LARGE
        return self._quota_guard.omission(owner_id, size + len(traceback.encode()))


class RunBatches:
    """Does work on such batches, each in one transaction."""

    def __init__(self, database: Database, quota_guard: QuotaGuard) -> None:
        self._database = database
        self._quota_guard = quota_guard

    def under(self, task_ids: Collection[str], work: Callable[[RunBatch], T]) -> T:
        """Do `work` on the runs that were registered under those Celery task ids, and store what it makes of them."""
        return self._stored(lambda: tracked.under(task_ids), work)

    def with_ids(self, ids: Collection[str], work: Callable[[RunBatch], T]) -> T:
        """Do `work` on the runs with those execution ids, and store what it makes of them."""
        return self._stored(lambda: tracked.with_ids(ids), work)

    def _stored(self, find: Callable[[], list[TrackedRun]], work: Callable[[RunBatch], T]) -> T:
        for _ in range(_MOST_TRIES):
            try:
                with self._database.write():
                    batch = RunBatch(find(), self._database.now(), self._quota_guard)
                    done = work(batch)
                    batch.store()
                    return done
            except _Overtaken:
                continue
        raise DatabaseUnavailable
