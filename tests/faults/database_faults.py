"""Faults of the database: locked, restarted, and rows whose times jump."""

from __future__ import annotations

import contextlib
import random

from tests.faults.fault import Fault

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
#: How far back a schedule's next time may jump: what is at most 10 s late is made, each.
_LATE = 8 * _SECOND


class _OfDatabase(Fault):
    """A fault of the database as a whole."""

    def choose(self, rng: random.Random) -> str:
        return "database"

    def last(self, rng: random.Random) -> float:
        longest = min(12.0, self.cluster.options.longest_outage)
        return rng.uniform(longest / 4, longest)


class LockDatabase(_OfDatabase):
    """Another program holds the lock that every writer needs: SQLite's, or that of the table of executions."""

    name = "database locked"

    def inject(self) -> None:
        tables = self.cluster.tables
        self._held = contextlib.ExitStack()
        run = self._held.enter_context(tables.transaction("BEGIN EXCLUSIVE" if tables.is_sqlite else "BEGIN"))
        if not tables.is_sqlite:
            run("LOCK TABLE execution IN ACCESS EXCLUSIVE MODE")

    def heal(self) -> None:
        self._held.close()


class RestartDatabase(_OfDatabase):
    """PostgreSQL is ended as by a crash, and comes back after a while."""

    name = "PostgreSQL restarted, immediate"
    needs_postgres = True

    def last(self, rng: random.Random) -> float:
        return super().last(rng) / 2

    def inject(self) -> None:
        assert self.cluster.postgres is not None
        self.cluster.postgres.stop()

    def heal(self) -> None:
        assert self.cluster.postgres is not None
        self.cluster.postgres.start()


class JumpDueTimes(Fault):
    """Due times jump: of waiting runs into the past or hours ahead, and back in the end; of schedules to firings that have been."""

    name = "due times jump"

    def choose(self, rng: random.Random) -> str:
        self._share = rng.uniform(0.3, 0.9)
        self._seed = rng.random()
        self._ahead: list[tuple[str, str]] = []
        # Its statements must find the database.
        return "database"

    def last(self, rng: random.Random) -> float:
        return rng.uniform(0.5, 3.0)

    def inject(self) -> None:
        rng = random.Random(self._seed)
        waiting = self.cluster.tables.rows(
            "SELECT execution.parent_task, execution.id FROM execution JOIN task ON task.task_id = execution.parent_task "
            "WHERE execution.status = 'PENDING' AND execution.due_at = task.next_run_at AND task.stopped_at IS NULL "
            # Not of those whose time is checked, nor of those that may be paused when it is to jump back, and then have none.
            "AND execution.deadline_at IS NULL AND task.name NOT LIKE ? AND task.name NOT LIKE ? AND task.name NOT LIKE ?",
            *("moved-%", "updated-%", "paused-%"),
        )
        for task_id, execution_id in waiting:
            if rng.random() < self._share:
                hours = rng.randint(1, 5) * rng.choice([-1, 1])
                if self._move(task_id, execution_id, self.cluster.tables.now() + hours * _HOUR) and hours > 0:
                    self._ahead.append((task_id, execution_id))
        # Not of those whose firings may be left out: what was counted as left out would be so again.
        schedules = self.cluster.tables.rows(
            "SELECT execution.parent_task, MIN(execution.scheduled_for), MAX(execution.scheduled_for) FROM execution "
            "JOIN task ON task.task_id = execution.parent_task WHERE task.next_run_at IS NOT NULL "
            "AND execution.scheduled_for IS NOT NULL "
            "AND (task.name LIKE ? OR task.name LIKE ?) GROUP BY execution.parent_task",
            *("cron-%", "stopped-cron-%"),
        )
        earliest = self.cluster.tables.now() - _LATE
        for task_id, first, last in schedules:
            if last >= earliest and rng.random() < self._share:
                self._rewind(task_id, rng.randint(max(first, earliest), last))

    def heal(self) -> None:
        now = self.cluster.tables.now()
        for task_id, execution_id in self._ahead:
            self._move(task_id, execution_id, now)

    @property
    def _begin(self) -> str:
        return "BEGIN IMMEDIATE" if self.cluster.tables.is_sqlite else "BEGIN"

    def _rewind(self, task_id: str, to: int) -> None:
        """Have a schedule fire again from a time on that has been."""
        with self.cluster.tables.transaction(self._begin) as run:
            run(
                "UPDATE task SET next_run_at = (SELECT MAX(scheduled_for) FROM execution WHERE parent_task = ? AND "
                "scheduled_for <= ?) WHERE task_id = ? AND next_run_at IS NOT NULL AND stopped_at IS NULL",
                *(task_id, to, task_id),
            )

    def _move(self, task_id: str, execution_id: str, due_at: int) -> bool:
        """Move the time of a run that waits for it, task and execution in one go. False when it does not wait any more."""
        with self.cluster.tables.transaction(self._begin) as run:
            # The task first, as everybody does.
            moved = run(
                "UPDATE task SET next_run_at = ? WHERE task_id = ? AND next_run_at IS NOT NULL AND stopped_at IS NULL",
                *(due_at, task_id),
            )
            if moved.rowcount != 1:
                return False
            changed = run(
                "UPDATE execution SET due_at = ?, publish_after = ? WHERE id = ? AND status = 'PENDING'",
                *(due_at, due_at, execution_id),
            )
            if changed.rowcount != 1:
                raise LookupError(f"execution {execution_id} does not wait, but its task has a next time")
        return True


FAULTS: list[type[Fault]] = [LockDatabase, RestartDatabase, JumpDueTimes]
