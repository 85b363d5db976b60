"""One message from end to end: claim, execute, finish."""

from __future__ import annotations

import logging
import os
import socket
import time

from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.outcome import Outcome
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.executors import Executors
from task_server.usecases.running import Claim, Running
from task_server.worker.held import Held
from task_server.worker.keeper import Keeper

_log = logging.getLogger(__name__)
_FINISH_PAUSE_SECONDS = 0.5


class Worker:
    """Runs executions. Its threads are Celery's: each message has one for as long as its run takes."""

    def __init__(self, running: Running, executors: Executors, keeper: Keeper, settings: Settings) -> None:
        self.name = f"worker@{socket.gethostname()}:{os.getpid()}"
        self._running = running
        self._executors = executors
        self._keeper = keeper
        self._settings = settings

    def handle(self, execution_id: str) -> None:
        """Run an execution, if there is anything to run.

        A message is a hint: unknown, doubled, early and late ones find nothing to claim. One that comes while the database is
        away is dropped; the scheduler sends it again.
        """
        claimed_at = time.monotonic()
        try:
            claim = self._running.claim(execution_id, self.name)
        except DatabaseUnavailable:
            _log.warning("an execution could not be claimed, the database is away", extra={"execution": execution_id})
            return
        if claim is None:
            _log.debug("nothing to claim", extra={"execution": execution_id})
            return
        held = Held(claim, claimed_at)
        self._keeper.add(held)
        try:
            outcome = self._execute(held)
            self._end(held, outcome)
        finally:
            self._keeper.remove(held)

    def _execute(self, held: Held) -> Outcome:
        claim = held.claim
        try:
            run = self._executors.start(claim.action, timeout=claim.timeout, log=held.log)
            held.began(run)
            return run.wait()
        except Exception:
            _log.exception("a run could not be started", extra={"execution": claim.execution_id})
            return Outcome(
                status=ExecutionStatus.FAILURE,
                error="the worker could not start the child process that runs it",
                failure_reason=FailureReason.SANDBOX_UNAVAILABLE,
            )

    def _end(self, held: Held, outcome: Outcome) -> None:
        """Store how the run ended; try again while the lease holds, for a database that comes back in time."""
        while not held.lost:
            try:
                self._keeper.store_log(held)
                if not self._store(held, outcome):
                    _log.warning("a run ended whose lease was gone", extra={"execution": held.claim.execution_id})
                return
            except DatabaseUnavailable:
                lease_ends = held.renewed_at + self._settings.lease_seconds
                if time.monotonic() > lease_ends:
                    break
                time.sleep(_FINISH_PAUSE_SECONDS)
        _log.warning("an outcome was dropped, its lease is gone", extra={"execution": held.claim.execution_id})

    def _store(self, held: Held, outcome: Outcome) -> bool:
        claim: Claim = held.claim
        stopped = outcome.status is ExecutionStatus.REVOKED
        if stopped and held.released:
            return self._running.release(claim.execution_id, claim.attempt)
        return self._running.finish(claim.execution_id, claim.attempt, outcome)
