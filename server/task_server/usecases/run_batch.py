"""Runs of other Celery apps that one transaction looks at, records and moves."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.domain.clock import Micros
from task_server.domain.errors import DatabaseUnavailable, QuotaExceeded
from task_server.domain.execution import Execution
from task_server.domain.observation import SYNC_PAUSE, Observation, describes, observed
from task_server.domain.registration import Registration
from task_server.store import tracked
from task_server.store.database import Database, DuplicateKeyError
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
        #: What is to be inserted, and what is to be updated: what it is, and how it stands; by id.
        self.recorded: dict[str, TrackedRun] = {}
        self.attributed: dict[str, TrackedRun] = {}
        self.moved: dict[str, TrackedRun] = {}
        #: Whose those were that became somebody else's, by id.
        self.former_owners: dict[str, str] = {}

    def under(self, task_id: str) -> list[TrackedRun]:
        """The runs that anybody registered under that Celery task id."""
        return self._under.get(task_id, [])

    def of(self, task_id: str, owner_id: str) -> list[TrackedRun]:
        """The run that was registered for that owner under that Celery task id, if there is one."""
        return [run for run in self.under(task_id) if run.execution.owner.id == owner_id]

    def by_id(self) -> dict[str, TrackedRun]:
        """The runs by their execution ids."""
        return {run.execution.id: run for runs in self._under.values() for run in runs}

    def record(self, execution: Execution, registration: Registration) -> None:
        """Add a run that a registration, or what was told of it, is of."""
        others = self._under.setdefault(execution.task_id, [])
        ordinal = 1 + max((run.ordinal for run in others), default=-1)
        run = TrackedRun(execution=execution, ordinal=ordinal, registration=registration)
        others.append(run)
        self.recorded[execution.id] = run

    def attribute(self, run: TrackedRun, execution: Execution, registration: Registration | None = None) -> None:
        """Let a run be somebody else's, or something else: with the arguments of a registration where there is one."""
        if run.execution.owner.id != execution.owner.id:
            self.former_owners[execution.id] = run.execution.owner.id
        run.execution = execution
        run.registration = registration or run.registration
        self.attributed[execution.id] = run

    def with_room(self, owner_ids: Iterable[str]) -> set[str]:
        """Those of the owners who may have one more run for each time that they are among them."""
        found = set()
        for owner_id, count in sorted(Counter(owner_ids).items()):
            with contextlib.suppress(QuotaExceeded):
                self._admit(owner_id, count)
                found.add(owner_id)
        return found

    def admit(self, owner_ids: Iterable[str]) -> None:
        """Raise QuotaExceeded where an owner may not have one more run for each time that it is among them."""
        for owner_id, count in sorted(Counter(owner_ids).items()):
            self._admit(owner_id, count)

    def _admit(self, owner_id: str, count: int) -> None:
        # Owners come in one order, whoever asks: no two batches wait for each other.
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
        tracked.attribute(self.attributed.values())
        tracked.update(list(self.moved.values()), sync_after)
        self.recorded, self.attributed, self.moved = {}, {}, {}

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
            except (_Overtaken, DuplicateKeyError):
                # The latter where a run is to be handed to an owner who was recorded for one of their own meanwhile.
                continue
        raise DatabaseUnavailable
