"""What one worker process is made of."""

from __future__ import annotations

from task_server.config import Settings
from task_server.dispatch.celery_app import make_app
from task_server.dispatch.publisher import BackgroundPublisher, CeleryPublisher
from task_server.executors.executors import Executors
from task_server.notifier.redis_bell import RedisBell
from task_server.store.database import Database
from task_server.usecases.ports import Ports
from task_server.usecases.running import Running
from task_server.worker.keeper import Keeper
from task_server.worker.worker import Worker


class Runtime:
    """The parts, put together."""

    def __init__(self, settings: Settings) -> None:
        self._bell = RedisBell(settings.broker_url)
        self._publisher = BackgroundPublisher(CeleryPublisher(make_app(settings)))
        ports = Ports(
            database=Database(settings.database),
            publisher=self._publisher,
            bell=self._bell,
            republish_after_seconds=settings.republish_after_seconds,
        )
        running = Running(ports, settings.lease_seconds)
        self._executors = Executors(settings)
        self.keeper = Keeper(running, self._bell, settings)
        self.worker = Worker(running, self._executors, self.keeper, settings)

    def close(self) -> None:
        """End the threads and child processes."""
        self.keeper.close()
        self._executors.close()
        self._publisher.close()
        self._bell.close()
