"""Reading the stream of changes."""

from __future__ import annotations

from task_server.domain.errors import WatchTokenExpired
from task_server.domain.event import Event, Position
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.store import event_floor, events, executions, tasks
from task_server.usecases.ports import Ports
from task_server.usecases.tasks import TaskView
from task_server.usecases.visibility import visible

#: The most that one read gives.
BATCH = 500
_EXPIRED = "The changes after this watch_token are no longer kept; list again, and watch from there."


class Watching:
    """The use cases of watching."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database

    def head(self) -> Position:
        """The position after which changes are yet to come."""
        with self._database.read():
            return events.head(self._database)

    def after(self, position: Position, *, task_id: str = "", owner_id: str | None = None) -> list[Event]:
        """Up to 500 changes after a position, in order; of one task, or of one owner's, where that is given.

        Raises WatchTokenExpired when some of them are no longer kept, asked of the snapshot that the changes come from: who reads
        while they are removed hears of it, too.
        """
        with self._database.read():
            if position < event_floor.get():
                raise WatchTokenExpired(_EXPIRED)
            return events.after(self._database, position, BATCH, task_id=task_id, owner_id=owner_id)

    def one(self, caller: Caller, task_id: str) -> TaskView:
        """The present state of one task. Raises TaskNotFound."""
        with self._database.read():
            return self._view(caller, task_id)

    def page(self, wanted: TaskFilter, before_id: str) -> list[TaskView]:
        """Up to 500 tasks in their present state, older than `before_id` (empty: from the newest)."""
        with self._database.read():
            rows = tasks.page(wanted, before_id, BATCH)
            latest = executions.get_many(row.last_execution_id for row in rows if row.last_execution_id)
            return [TaskView(task=row, last_execution=latest.get(row.last_execution_id or "")) for row in rows]

    @staticmethod
    def _view(caller: Caller, task_id: str) -> TaskView:
        task = visible(caller, tasks.get(task_id), task_id)
        execution = executions.get(task.last_execution_id) if task.last_execution_id else None
        return TaskView(task=task, last_execution=execution)
