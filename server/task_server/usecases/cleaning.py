"""Cleaning: what is over and older, or more, than is kept goes, in small transactions.

Each use case gives its transactions one by one, as a generator: between two of them the caller decides how long others may write.
Any number of cleaners may be at work at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from task_server.config import Settings
from task_server.domain.clock import NEVER, SECOND, Micros, seconds
from task_server.domain.event import EventType
from task_server.domain.ids import first_id
from task_server.domain.lock import REMEMBERED
from task_server.domain.retention import Retention
from task_server.store import audit, event_floor, events, locks, processes, requests, retention, usage
from task_server.usecases.ports import Ports

#: What one transaction removes: executions or tasks with all that is theirs, and events, which cost a tenth. On SQLite a writer
#: waits for as long as that takes, some 10 ms.
_BATCH, _EVENTS = 40, 200
#: Rows that one search looks at.
_SEARCH = 500
#: How much of logs one transaction removes, in bytes.
_LOG_BYTES = 4 * 1024 * 1024
#: Locks that one transaction removes: their rows are small.
_LOCKS = 500
#: Requests that one transaction forgets.
_REQUESTS = 200
#: Tasks with many executions that one sweep looks at; the next one goes on behind them.
_TASKS = 1000
#: Where those begin.
_FIRST: tuple[int, str] = (0, "")
#: How long a process that was not heard of any more is still shown.
_UNSEEN = 3600 * SECOND
#: How often, in seconds, old executions that could not go are looked at again; at least ten times within their retention.
_ROUND_SECONDS = 3600.0


def configured_retention(settings: Settings) -> Retention:
    """What the settings keep."""
    return Retention(
        executions=seconds(settings.retain_executions_seconds) or None,
        executions_per_task=settings.retain_executions_per_task or None,
        logs=seconds(settings.retain_logs_seconds) or None,
        events=seconds(settings.retain_events_seconds) or None,
        event_count=settings.retain_events or None,
        audit=seconds(settings.retain_audit_seconds) or None,
    )


class Cleaning:
    """The use cases of cleaning. One object remembers where its sweeps stand, so each cleaner has its own."""

    def __init__(self, ports: Ports, kept: Retention) -> None:
        self._ports = ports
        self._database = ports.database
        self._kept = kept
        self._round_ends = 0.0
        self._looked_to = ""
        self._repeating = _FIRST

    def sweep(self) -> Iterator[int]:
        """Remove all that is kept no longer; gives, after each transaction, how many rows it removed.

        Raises DatabaseUnavailable; a later sweep goes on where this one stood.
        """
        yield from self.events()
        yield from self.audit()
        yield from self.logs()
        yield from self.surplus()
        yield from self.executions()
        yield from self.never_run()
        yield from self.processes()
        yield from self.owner_bytes()
        yield from self.requests()
        yield from self.locks()

    def leave(self) -> None:
        """End this thread's connection to the database."""
        self._database.close()

    def events(self) -> Iterator[int]:
        """Remove the oldest events: those past their time, and those too many."""
        if self._kept.events is None and self._kept.event_count is None:
            return
        while True:
            with self._database.read():
                before = self._database.now() - self._kept.events if self._kept.events is not None else 0
                surplus = event_floor.newest_number() - self._kept.event_count if self._kept.event_count else 0
                oldest = event_floor.oldest(self._database, _EVENTS)
            last = None
            for event in oldest:
                if event.occurred_at >= before and event.position.number > surplus:
                    break
                last = event.position
            if last is None:
                return
            with self._database.write():
                floor = event_floor.lock(self._database)
                if floor is None or floor >= last:
                    return  # another cleaner is at it
                removed = event_floor.remove(floor, last)
            yield removed

    def audit(self) -> Iterator[int]:
        """Remove the oldest events of the audit log."""
        while self._kept.audit is not None:
            with self._database.read():
                before = self._database.now() - self._kept.audit
                ids = audit.oldest(before, first_id(before), _EVENTS)
            if not ids:
                return
            with self._database.write():
                removed = audit.remove(ids)
            yield removed

    def logs(self) -> Iterator[int]:
        """Remove the logs of executions that ended long ago."""
        if self._kept.logs is None:
            return
        after = ""
        while True:
            with self._database.read():
                before = self._database.now() - self._kept.logs
                found = retention.logged_executions(after, first_id(before), _SEARCH)
            if not found:
                return
            ids: list[str] = []
            size = 0
            for execution in found:
                if size >= _LOG_BYTES or len(ids) >= _BATCH:
                    break
                after = execution.id
                if execution.is_over(before):
                    ids.append(execution.id)
                    size += execution.log_bytes
            if ids:
                with self._database.write():
                    removed = retention.remove_logs(ids)
                yield removed

    def surplus(self) -> Iterator[int]:
        """Remove the executions of tasks that have more than are kept, the oldest first.

        One sweep looks at up to 1,000 such tasks, so that very many of them cost no more, but have a few executions more than
        are kept until their turn comes.
        """
        keep = self._kept.executions_per_task
        if keep is None:
            return
        looked_at = 0
        while looked_at < _TASKS:
            with self._database.read():
                tasks = retention.repeating_tasks(keep, self._repeating, _BATCH)
                newest = {task_id: retention.newest_surplus(task_id, keep) for _, task_id in tasks}
            for count, task_id in tasks:
                if (surplus := newest[task_id]) is not None:
                    yield from self._surplus_of(task_id, surplus)
                self._repeating = (count, task_id)
            looked_at += len(tasks)
            if len(tasks) < _BATCH:
                self._repeating = _FIRST
                return

    def executions(self) -> Iterator[int]:
        """Remove executions that ended long ago, and the tasks that did so with their last one."""
        if self._kept.executions is None:
            return
        if time.monotonic() >= self._round_ends:
            self._round_ends = time.monotonic() + min(_ROUND_SECONDS, self._kept.executions / seconds(1) / 10)
            self._looked_to = ""
        while True:
            with self._database.read():
                before = self._database.now() - self._kept.executions
                found = retention.old_executions(self._looked_to, first_id(before), _SEARCH)
            over = [old for old in found if old.is_over(before)]
            single = [old.id for old in over if not old.is_latest]
            ended = [old.task_id for old in over if old.is_latest and old.task_id and old.may_end_task(before)]
            for batch in _batches(single):
                yield self._remove_executions(batch, before)
            for batch in _batches(ended):
                yield self._remove_tasks(batch, before)
            if not found:
                return
            self._looked_to = found[-1].id

    def never_run(self) -> Iterator[int]:
        """Remove tasks that ended long ago without an execution."""
        if self._kept.executions is None:
            return
        after = ""
        while True:
            with self._database.read():
                before = self._database.now() - self._kept.executions
                found = retention.never_run(after, _SEARCH)
            for batch in _batches([task_id for task_id, updated_at in found if updated_at < before]):
                yield self._remove_tasks(batch, before)
            if not found:
                return
            after = found[-1][0]

    def processes(self) -> Iterator[int]:
        """Remove the rows of processes that ended without a word long ago."""
        with self._database.read():
            before = self._database.now() - _UNSEEN
            is_any = any(process.seen_at < before for process in processes.seen())
        if is_any:
            with self._database.write():
                removed = processes.remove_unseen(before)
            yield removed

    def owner_bytes(self) -> Iterator[int]:
        """Make one row of the many that say by how much the bytes of an owner have changed."""
        with self._database.read():
            owners = usage.scattered()
        for owner_id in owners:
            with self._database.write():
                usage.gather(owner_id)
            yield 0  # nothing is gone: the sum is the same

    def locks(self) -> Iterator[int]:
        """Remove the locks that have ended, and that nobody acquired again."""
        while True:
            with self._database.read():
                before = self._database.now() - REMEMBERED
                is_any = locks.is_any_over(before)
            if not is_any:
                return
            with self._database.write():
                removed = locks.remove(before, _LOCKS)
            yield removed
            if removed < _LOCKS:
                return

    def requests(self) -> Iterator[int]:
        """Forget requests that made executions, once those would be removed."""
        if self._kept.executions is None:
            return
        while True:
            with self._database.read():
                before = self._database.now() - self._kept.executions
                is_any = requests.is_any_old(before)
            if not is_any:
                return
            with self._database.write():
                removed = requests.remove(before, _REQUESTS)
            yield removed

    def _surplus_of(self, task_id: str, newest: str) -> Iterator[int]:
        after = ""
        while True:
            with self._database.read():
                ids = retention.surplus(task_id, newest, after, _BATCH)
            if not ids:
                return
            after = ids[-1]
            yield self._remove_executions(ids, NEVER)

    def _remove_executions(self, ids: list[str], before: Micros) -> int:
        with self._database.write():
            over = retention.lock_executions(self._database, ids, before)
            return retention.remove_executions(over)

    def _remove_tasks(self, ids: list[str], before: Micros) -> int:
        """Remove tasks with the executions they have left. Watchers hear of each, unless it was deleted before."""
        with self._database.write():
            now = self._database.now()
            ended = retention.lock_ended_tasks(self._database, ids, before)
            for task in ended:
                if task.deleted_at is None:
                    events.append(EventType.DELETED, task.changed(now, deleted_at=now), None, now)
            removed = retention.remove_tasks([task.task_id for task in ended])
        self._ports.announce()
        return removed


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), _BATCH):
        yield ids[first : first + _BATCH]
