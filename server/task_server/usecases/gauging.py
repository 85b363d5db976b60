"""What the metrics of a scheduler tell of the whole service: queues and processes, from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from task_server.domain.process import ProcessRole
from task_server.metrics.reading import Reading
from task_server.store.database import Database
from task_server.usecases.system_status import SystemStatuses

#: What is in queues that no live worker serves stands under this name, which no queue has: callers can make up queues.
_UNSERVED = "(unserved)"


class Gauging:
    """Reads what one process alone does not know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statuses = SystemStatuses(database)

    def readings(self) -> Sequence[Reading]:
        """Queues and processes as they are now. Raises DatabaseUnavailable."""
        try:
            status = self._statuses.get()
        finally:
            # Whichever thread asks keeps no connection.
            self._database.close()
        live = [process for process in status.processes if process.is_live(status.now)]
        workers = [process for process in live if process.role is ProcessRole.WORKER]
        served = {queue for worker in workers for queue in worker.queues}
        waiting: Counter[tuple[str, ...]] = Counter()
        running: Counter[tuple[str, ...]] = Counter()
        for name, depth in status.queues.items():
            queue = (name if name in served else _UNSERVED,)
            waiting[queue] += depth.waiting
            running[queue] += depth.running
        roles: Counter[tuple[str, ...]] = Counter((process.role.value,) for process in live)
        refusing = sum(not worker.runs_code for worker in workers)
        return (
            Reading("queue_waiting", "Executions that are due and wait for a worker.", ("queue",), waiting),
            Reading("queue_running", "Executions that run.", ("queue",), running),
            Reading("processes", "Processes that live.", ("role",), roles),
            Reading("workers_refusing_code", "Workers that live and run no code.", (), {(): refusing}),
        )
