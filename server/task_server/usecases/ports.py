"""What the use cases stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import BackgroundPublisher, CeleryPublisher, Message, Publisher
from task_server.domain.clock import Micros, seconds
from task_server.domain.execution import Execution
from task_server.domain.places import read_queue_limits
from task_server.domain.quotas import Quota, read_quotas
from task_server.notifier.bell import Bell, Topic
from task_server.notifier.redis_bell import RedisBell
from task_server.store.database import Database
from task_server.tls.broker import broker_options
from task_server.usecases.limits import Call, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The database, the way to the workers, and the bell."""

    database: Database
    #: One that never waits and never raises: BackgroundPublisher, or MemoryPublisher in tests.
    publisher: Publisher
    bell: Bell
    #: How long a publisher may take until the scheduler publishes again.
    republish_after_seconds: float
    #: What may run at once.
    limits: Limits = field(default_factory=Limits)

    def publish_after(self, now: Micros, due_at: Micros) -> Micros:
        """When the scheduler has to publish a new execution: a due one is published by whoever made it."""
        return now + seconds(self.republish_after_seconds) if due_at <= now else due_at

    def announce(self, *executions: Execution) -> None:
        """After the commit that made them due: tell the workers of `executions`, and the watchers of the change."""
        for execution in executions:
            self.publisher.publish(Message(execution.id, execution.queue))
        self.bell.ring(Topic.EVENTS)

    def tell_called(self, calls: Sequence[Call], now: Micros) -> None:
        """After the commit that called them: tell the workers of those that may begin now, and the scheduler of the others."""
        for call in calls:
            if call.ready_at <= now:
                self.publisher.publish(Message(call.execution_id, call.queue))
        if any(call.ready_at > now for call in calls):
            self.bell.ring(Topic.DUE)

    def close(self) -> None:
        """Tell what waits to be told, and end the threads that do."""
        self.publisher.close()
        self.bell.close()


def configured_limits(settings: Settings) -> Limits:
    """The limits in the settings. Raises ValueError for a text that is none."""
    usual = Quota(
        tasks=settings.max_tasks_per_owner,
        schedules=settings.max_schedules_per_owner,
        queued=settings.max_queued_per_owner,
        running=settings.max_running_per_owner,
        source_bytes=settings.max_source_bytes_per_owner,
        result_bytes=settings.max_result_bytes_per_owner,
        executions=settings.max_executions_per_owner,
        locks=settings.max_locks_per_owner,
    )
    return Limits(read_queue_limits(settings.queue_limits), read_quotas(usual, settings.quotas))


def connect(settings: Settings, database: Database) -> Ports:
    """The ports of a process with these settings. Nothing is connected yet."""
    return Ports(
        database=database,
        publisher=BackgroundPublisher(CeleryPublisher(make_app(settings))),
        bell=RedisBell(settings.broker_url, broker_options(settings)),
        republish_after_seconds=settings.republish_after_seconds,
        limits=configured_limits(settings),
    )
