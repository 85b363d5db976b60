"""Celery's consumer, but that it neither tells other workers of itself nor listens to them, whatever its command line says."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

#: What others say of themselves comes through the broker, where anybody may say it.
_QUIET = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True, "task_events": False}


class Consumer(CeleryConsumer):  # type: ignore[misc] # celery ships no types
    """The consumer that `worker_consumer` names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | _QUIET)
