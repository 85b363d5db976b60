"""Publishing what waits: delayed runs at their time, and again whatever a lost message or a lost broker left behind."""

from __future__ import annotations

from task_server.dispatch.publisher import Message, Publisher, PublishError
from task_server.domain.clock import seconds
from task_server.store import executions
from task_server.usecases.ports import Ports

_BATCH = 500
#: The longest wait between two messages for the same run, in seconds.
_LONGEST = 300.0


class Publishing:
    """The use case of publishing."""

    def __init__(self, ports: Ports, publisher: Publisher) -> None:
        self._ports = ports
        self._publisher = publisher
        self._database = ports.database

    def publish_due(self) -> int:
        """Publish up to 500 waiting executions; return how many. Raises PublishError when the broker is away.

        Each is stamped first, in a transaction, with the time to try again: a crash or an absent broker costs a wait, which
        doubles each time, and never the run.
        """
        with self._database.write():
            now = self._database.now()
            waiting = executions.unpublished(self._database, now, _BATCH)
            for execution, count in waiting:
                wait = min(self._ports.republish_after_seconds * 2**count, _LONGEST)
                executions.stamp_published(execution.id, min(count + 1, 30), now + seconds(wait))
        for position, (execution, _) in enumerate(waiting):
            try:
                self._publisher.publish(Message(execution.id, execution.queue))
            except PublishError:
                self._unstamp([late.id for late, _ in waiting[position:]])
                raise
        return len(waiting)

    def _unstamp(self, ids: list[str]) -> None:
        """Have those published at the next turn: the broker was away, so no worker can have them."""
        with self._database.write():
            now = self._database.now()
            for execution_id in ids:
                executions.stamp_published(execution_id, 0, now + seconds(self._ports.republish_after_seconds))
