"""One message from end to end: claim, execute, finish."""

from __future__ import annotations

import logging
import os
import socket
import time

from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.outcome import Outcome
from task_server.domain.status import ExecutionStatus, FailureReason
from task_server.executors.executor import AttemptId
from task_server.executors.executors import Executors
from task_server.metrics import meters
from task_server.usecases.claiming import Claim
from task_server.usecases.running import Running
from task_server.worker.drain import Drain
from task_server.worker.held import Held
from task_server.worker.keeper import Keeper

_log = logging.getLogger(__name__)
_FINISH_PAUSE_SECONDS = 0.5
#: How long a message of a draining worker waits until the worker takes no more of them, and would not get it again.
_PUT_BACK_SECONDS = 2.0
_LOOK_SECONDS = 0.01


class Worker:
    """Runs executions. Its threads are Celery's: each message has one for as long as its run takes."""

    def __init__(self, running: Running, executors: Executors, keeper: Keeper, drain: Drain) -> None:
        self.name = f"worker@{socket.gethostname()}:{os.getpid()}"
        self._running = running
        self._executors = executors
        self._keeper = keeper
        self._drain = drain

    def handle(self, execution_id: str) -> None:
        """Run the execution that a message names, or the one of its queue whose turn it is, if there is any. Never raises.

        A message is a hint: unknown ones, and those for which nothing is left, find nothing to claim. One that comes while the
        database is away is dropped; the scheduler sends it again.
        """
        if self._drain.begun:
            self._put_back(execution_id)
            return
        claimed_at = time.monotonic()
        claim = self._claim(execution_id)
        if claim is None:
            return
        held = Held(claim, claimed_at)
        self._keeper.add(held)
        try:
            outcome = self._execute(held, claimed_at)
            held.is_over = True
            self._end(held, outcome)
        except Exception as error:
            # Not given back at once, which would go round between the workers: as a lost one it is counted, and comes to an end.
            _log.error(
                "an outcome could not be stored, its lease is left to end: %r",
                error,
                extra={"execution": claim.execution_id},
            )
            _log.debug("it was raised here", exc_info=True)
        finally:
            self._keeper.remove(held)

    def _claim(self, execution_id: str) -> Claim | None:
        try:
            claim = self._running.claim(execution_id, self.name)
        except DatabaseUnavailable:
            _log.warning("an execution could not be claimed, the database is away", extra={"execution": execution_id})
            return None
        except Exception as error:
            # As of a task that a newer version wrote: it stays as it is, and a worker that can read it takes it when it is
            # published again. Not put back at once: this worker would get it again, and again.
            _log.error(
                "an execution can not be read, and waits for another worker: %r",
                error,
                extra={"execution": execution_id},
            )
            _log.debug("it was raised here", exc_info=True)
            return None
        if claim is None:
            _log.debug("nothing to claim", extra={"execution": execution_id})
        return claim

    def _put_back(self, execution_id: str) -> None:
        """Tell the other workers of a message that came while this one drains."""
        until = time.monotonic() + _PUT_BACK_SECONDS
        while not self._drain.consumer_stopped and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        try:
            self._running.put_back(execution_id)
        except DatabaseUnavailable:
            _log.warning("a message is left to the scheduler, the database is away", extra={"execution": execution_id})

    def _execute(self, held: Held, claimed_at: float) -> Outcome:
        claim = held.claim
        try:
            attempt = AttemptId(claim.execution_id, claim.attempt)
            run = self._executors.start(
                claim.action, attempt=attempt, timeout=claim.timeout, log=held.log, sealed=claim.sealed
            )
            held.began(run)
            began = time.monotonic()
            meters.START_SECONDS.observe(began - claimed_at, claim.action.kind)
            outcome = run.wait()
            meters.RUN_SECONDS.observe(time.monotonic() - began, claim.action.kind)
        except Exception:
            _log.exception("a run could not be started", extra={"execution": claim.execution_id})
            return Outcome(
                status=ExecutionStatus.FAILURE,
                error="the worker could not start the child process that runs it",
                failure_reason=FailureReason.SANDBOX_UNAVAILABLE,
            )
        return outcome

    def _end(self, held: Held, outcome: Outcome) -> None:
        """Store how the run ended; try again while the lease holds, for a database that comes back in time."""
        while self._keeper.may_store(held):
            try:
                self._keeper.store_log(held)
                if not self._store(held, outcome):
                    _log.warning("a run ended whose lease was gone", extra={"execution": held.claim.execution_id})
            except DatabaseUnavailable:
                time.sleep(_FINISH_PAUSE_SECONDS)
            else:
                return
        _log.warning("an outcome was dropped, the run is repeated", extra={"execution": held.claim.execution_id})

    def _store(self, held: Held, outcome: Outcome) -> bool:
        claim = held.claim
        stopped = outcome.status is ExecutionStatus.REVOKED
        if stopped and held.released:
            return self._running.release(claim.execution_id, claim.attempt)
        return self._running.finish(claim.execution_id, claim.attempt, outcome)
