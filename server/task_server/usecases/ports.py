"""What the use cases stand on."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import BackgroundPublisher, CeleryPublisher, Message, Publisher
from task_server.domain.clock import Micros, seconds
from task_server.domain.execution import Execution
from task_server.notifier.bell import Bell, Topic
from task_server.notifier.redis_bell import RedisBell
from task_server.store.database import Database
from task_server.tls.broker import broker_options


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

    def close(self) -> None:
        """Tell what waits to be told, and end the threads that do."""
        self.publisher.close()
        self.bell.close()


def connect(settings: Settings, database: Database) -> Ports:
    """The ports of a process with these settings. Nothing is connected yet."""
    return Ports(
        database=database,
        publisher=BackgroundPublisher(CeleryPublisher(make_app(settings))),
        bell=RedisBell(settings.broker_url, broker_options(settings)),
        republish_after_seconds=settings.republish_after_seconds,
    )
