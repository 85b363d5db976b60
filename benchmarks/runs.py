"""Work from end to end: created, claimed, run in the sandbox, finished, and seen by a watcher; against Celery's no-op."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.load import median_seconds, rate
from benchmarks.raw_celery import Speed
from benchmarks.service import Service
from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement
from task_manager.v1 import task_pb2

_CALLERS = 64
_SECONDS = 8.0
_ROUND_TRIPS = 100


class _Ends:
    """Tells callers that their tasks have succeeded, by one watch for all of them."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._early: set[str] = set()

    async def follow(self, stream: Any, ready: asyncio.Event) -> None:
        async for event in stream:
            ready.set()
            if event.task.status == task_pb2.Task.FAILURE:
                raise RuntimeError(event.execution.error)
            if event.task.status == task_pb2.Task.SUCCESS:
                waiting = self._waiting.pop(event.task.task_id, None)
                if waiting is None:
                    # Its end was seen before the answer to its creation.
                    self._early.add(event.task.task_id)
                elif not waiting.done():
                    waiting.set_result(None)

    async def of(self, task_id: str) -> None:
        if task_id in self._early:
            self._early.remove(task_id)
            return
        self._waiting[task_id] = asyncio.get_running_loop().create_future()
        await asyncio.wait_for(self._waiting[task_id], 30)


async def measure(stack: Stack, celery: Speed) -> list[Measurement]:
    """Measure it."""
    service = Service(stack)
    ends, ready = _Ends(), asyncio.Event()
    following = asyncio.create_task(ends.follow(service.watch("now"), ready))
    await asyncio.wait_for(ready.wait(), 30)

    async def run() -> None:
        await ends.of((await service.create("now")).task_id)

    await run()
    round_trip = await median_seconds(run, times=_ROUND_TRIPS)
    runs = await rate(run, callers=_CALLERS, seconds=_SECONDS)
    following.cancel()
    await service.close()
    return [
        Measurement(
            what=f"durable end to end, {_CALLERS} callers",
            measured=runs,
            unit="runs/s",
            reference=celery.tasks_per_second,
            reference_is="/s raw Celery",
            goal=Goal(bound=0.5, at_least=True, of_ratio=True),
            note=f"raw Celery publishes {celery.publishes_per_second:,.0f}/s",
        ),
        Measurement(
            what="idle: create -> SUCCESS at a watcher, p50",
            measured=round_trip * 1000,
            unit="ms",
            reference=celery.round_trip_seconds * 1000,
            reference_is="ms raw Celery",
            goal=Goal(bound=4, of_ratio=True),
        ),
    ]
