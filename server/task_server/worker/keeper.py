"""Keeps what this worker holds: renews leases, hears of stops, stores logs, drains, and drops what was lost."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.notifier.bell import Bell, Topic
from task_server.usecases.running import Running
from task_server.worker.drain import Drain
from task_server.worker.duty import Duty
from task_server.worker.held import Held
from task_server.worker.held_runs import HeldRuns

_log = logging.getLogger(__name__)
#: How long the threads may take to end, in all: one may wait for the database.
_CLOSE_SECONDS = 3.0
#: How long after the end of a drain outcomes are still stored, while the database is away.
_STORE_SECONDS = 2.0


class Keeper:
    """Four threads for all runs of this process. While there are none they do nothing.

    A lease is renewed every `heartbeat_seconds`. One that was not renewed for `lease_seconds - heartbeat_seconds` is given up and
    its child killed: by the monotonic clock, from before the renewal was asked for, and by a thread that never waits for the
    database. That thread looks twice in a heartbeat at least, so that half a heartbeat is left for the child to die in, before
    the lease ends and somebody else may begin.
    """

    def __init__(self, running: Running, bell: Bell, settings: Settings, drain: Drain) -> None:
        self._running = running
        self._settings = settings
        self._drain = drain
        self._release_at: float | None = None
        self._runs = HeldRuns()
        often = settings.stop_poll_seconds
        self._duties = [
            Duty("lease-guard", min(often, settings.heartbeat_seconds / 2), self._guard, self._runs, running.leave),
            Duty("lease-renewal", settings.heartbeat_seconds, self._renew, self._runs, running.leave),
            Duty("stops", often, self._look_for_stops, self._runs, running.leave),
            Duty("logs", often, self._store_logs, self._runs, running.leave),
        ]
        self._listening = bell.listen(Topic.STOP, self._stop_rung)
        self._listening.__enter__()

    def add(self, held: Held) -> None:
        """Keep a run from now on."""
        self._runs.add(held)

    def remove(self, held: Held) -> None:
        """The run has ended."""
        self._runs.remove(held)

    def close(self) -> None:
        """End the threads."""
        self._runs.close()
        until = time.monotonic() + _CLOSE_SECONDS
        for duty in self._duties:
            duty.join(until - time.monotonic())
        self._listening.__exit__(None, None, None)

    def may_store(self, held: Held) -> bool:
        """Whether it makes sense to try to store the outcome of a run: while its lease holds, and the drain lasts."""
        now = time.monotonic()
        if held.lost or now > held.renewed_at + self._settings.lease_seconds:
            return False
        release_at = self._release_at
        return release_at is None or now < release_at + self._settings.stop_grace_seconds + _STORE_SECONDS

    def store_log(self, held: Held) -> bool:
        """Store what a run printed lately. False when it is not held any more. Raises DatabaseUnavailable."""
        with held.storing_log:
            text = held.take_log()
            if not text:
                return True
            try:
                return self._running.append_log(held.claim.execution_id, held.claim.attempt, text)
            except DatabaseUnavailable:
                held.put_back_log(text)
                raise

    def _stop_rung(self, execution_id: str) -> None:
        # The bell carries no authority: whoever rings, the database says whether it is so.
        if self._runs.get(execution_id) is not None:
            with suppress(DatabaseUnavailable):  # asked for at the next turn
                self._end_stopped([execution_id])

    def _look_for_stops(self, held: list[Held]) -> None:
        self._end_stopped([run.claim.execution_id for run in held])

    def _end_stopped(self, ids: list[str]) -> None:
        for execution_id in self._running.to_stop(ids):
            held = self._runs.get(execution_id)
            if held is not None:
                held.end()

    def _store_logs(self, held: list[Held]) -> None:
        for run in held:
            if not self.store_log(run):
                self._forget(run)

    def _renew(self, held: list[Held]) -> None:
        asked_at = time.monotonic()
        gone = self._running.renew([(run.claim.execution_id, run.claim.attempt) for run in held])
        for run in held:
            if run.claim.execution_id in gone:
                self._forget(run)
            else:
                run.renewed_at = asked_at

    def _forget(self, run: Held) -> None:
        # One that has ended by itself is stored, and so not held any more, a moment before it leaves them.
        if not run.is_over and not run.lost:
            _log.warning("the lease of a run is gone, its child is killed", extra={"execution": run.claim.execution_id})
            run.lose()

    def _guard(self, held: list[Held]) -> None:
        """What never waits for the database: end what might be somebody else's soon, and what outlasts a drain."""
        latest = time.monotonic() - (self._settings.lease_seconds - self._settings.heartbeat_seconds)
        for run in held:
            if run.renewed_at < latest and not run.lost and not run.is_over:
                _log.warning(
                    "a lease could not be kept, its child is killed", extra={"execution": run.claim.execution_id}
                )
                run.lose()
        if self._drain.begun:
            self._follow_drain(held)

    def _follow_drain(self, held: list[Held]) -> None:
        now = time.monotonic()
        if self._release_at is None:
            self._release_at = now + self._settings.drain_seconds
        if self._drain.hastened:
            self._release_at = min(self._release_at, now)
        if now >= self._release_at:
            for run in held:
                run.release(at_once=self._drain.hastened)
