"""Keeps what this worker holds: renews leases, hears of stops, stores logs, and drops what was lost."""

from __future__ import annotations

import logging
import threading
import time

from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.notifier.bell import Bell, Topic
from task_server.usecases.running import Running
from task_server.worker.held import Held

_log = logging.getLogger(__name__)


class Keeper:
    """Two threads for all runs of this worker. While there are none they do nothing."""

    def __init__(self, running: Running, bell: Bell, settings: Settings) -> None:
        self._running = running
        self._settings = settings
        self._changed = threading.Condition()
        self._held: dict[str, Held] = {}
        self._closed = threading.Event()
        self._release_at: float | None = None
        self._listening = bell.listen(Topic.STOP, self._stop_rung)
        self._listening.__enter__()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()
        # A thread of its own, which never waits for the database: that is what it guards against.
        self._guard = threading.Thread(target=self._guard_leases, name="lease-guard", daemon=True)
        self._guard.start()

    def add(self, held: Held) -> None:
        """Keep a run from now on."""
        with self._changed:
            self._held[held.claim.execution_id] = held
            self._changed.notify_all()

    def remove(self, held: Held) -> None:
        """The run has ended."""
        with self._changed:
            if self._held.get(held.claim.execution_id) is held:
                del self._held[held.claim.execution_id]

    def drain(self) -> None:
        """Give running children `drain_seconds`, then give their runs back to the queue."""
        with self._changed:
            self._release_at = time.monotonic() + self._settings.drain_seconds

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        for thread in (self._thread, self._guard):
            thread.join(timeout=5)
        self._listening.__exit__(None, None, None)

    def store_log(self, held: Held) -> bool:
        """Store what a run printed lately. False when it is not held any more. Raises DatabaseUnavailable."""
        text = held.take_log()
        if not text:
            return True
        try:
            return self._running.append_log(held.claim.execution_id, held.claim.attempt, text)
        except DatabaseUnavailable:
            held.put_back_log(text)
            raise

    def _stop_rung(self, execution_id: str) -> None:
        with self._changed:
            held = self._held.get(execution_id)
        # The bell carries no authority: whoever rings, the database says whether it is so.
        if held is not None and self._asked_to_stop([execution_id]):
            held.end()

    def _run(self) -> None:
        next_renewal = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held or self._closed.is_set())
            # Not woken by each run that comes and goes: most end before anything is to be done for them.
            if self._closed.wait(self._settings.stop_poll_seconds):
                self._running.leave()
                return
            with self._changed:
                held = list(self._held.values())
            if not held:
                continue
            try:
                next_renewal = self._turn(held, next_renewal)
            except Exception:
                # A defect; but without this thread no lease would be renewed and no stop heard any more.
                _log.exception("a turn of the keeper failed")

    def _turn(self, held: list[Held], next_renewal: float) -> float:
        """Do what is due for the runs; return when their leases are to be renewed, by the monotonic clock."""
        for stopped in self._asked_to_stop([run.claim.execution_id for run in held]):
            self._end(stopped)
        self._store_logs(held)
        if time.monotonic() >= next_renewal:
            self._renew(held)
            next_renewal = time.monotonic() + self._settings.heartbeat_seconds
        if self._release_at is not None and time.monotonic() >= self._release_at:
            for run in held:
                run.release()
        return next_renewal

    def _asked_to_stop(self, ids: list[str]) -> set[str]:
        try:
            return self._running.to_stop(ids)
        except DatabaseUnavailable:
            return set()  # asked again at the next turn

    def _end(self, execution_id: str) -> None:
        with self._changed:
            held = self._held.get(execution_id)
        if held is not None:
            held.end()

    def _store_logs(self, held: list[Held]) -> None:
        for run in held:
            try:
                still_held = self.store_log(run)
            except DatabaseUnavailable:
                return  # kept, and stored at the next turn
            if not still_held:
                self._forget(run)

    def _renew(self, held: list[Held]) -> None:
        asked_at = time.monotonic()
        try:
            gone = self._running.renew([(run.claim.execution_id, run.claim.attempt) for run in held])
        except DatabaseUnavailable:
            _log.warning("leases could not be renewed, the database is away")
            return
        for run in held:
            if run.claim.execution_id in gone:
                self._forget(run)
            else:
                run.renewed_at = asked_at

    def _forget(self, run: Held) -> None:
        with self._changed:
            still_here = self._held.get(run.claim.execution_id) is run
        if still_here:
            _log.warning("the lease of a run is gone, its child is ended", extra={"execution": run.claim.execution_id})
            run.lose()

    def _guard_leases(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held or self._closed.is_set())
            if self._closed.wait(self._settings.stop_poll_seconds):
                return
            with self._changed:
                held = list(self._held.values())
            self._drop_overdue(held)

    def _drop_overdue(self, held: list[Held]) -> None:
        """End what might be somebody else's before anybody else can have it; by the monotonic clock, which never jumps."""
        latest = time.monotonic() - (self._settings.lease_seconds - self._settings.heartbeat_seconds)
        for run in held:
            if run.renewed_at < latest and not run.lost:
                _log.warning(
                    "a lease could not be kept, its child is ended", extra={"execution": run.claim.execution_id}
                )
                run.lose()
