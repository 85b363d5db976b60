"""What the use cases stand on."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.dispatch.publisher import Message, Publisher
from task_server.domain.clock import Micros, seconds
from task_server.domain.execution import Execution
from task_server.notifier.bell import Bell, Topic
from task_server.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The database, the way to the workers, and the bell."""

    database: Database
    #: One that never waits and never raises: BackgroundPublisher, or MemoryPublisher in tests.
    publisher: Publisher
    bell: Bell
    #: How long a publisher may take until the scheduler publishes again.
    republish_after_seconds: float

    def publish_after(self, now: Micros, due_at: Micros) -> Micros:
        """When the scheduler has to publish a new execution: a due one is published by whoever made it."""
        return now + seconds(self.republish_after_seconds) if due_at <= now else due_at

    def announce(self, *executions: Execution) -> None:
        """After the commit that made them due: tell the workers of `executions`, and the watchers of the change."""
        for execution in executions:
            self.publisher.publish(Message(execution.id, execution.queue))
        self.bell.ring(Topic.EVENTS)
