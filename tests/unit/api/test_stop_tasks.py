"""StopTasks whose caller goes away: what was stopped stays so, and another call goes on with the rest."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest

from task_manager.v1 import task_service_pb2
from task_server.api.interceptors.authentication import current_caller
from task_server.api.searches import Searches
from task_server.api.task_service import TaskService
from task_server.api.threads import Threads
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.task import TaskDefinition
from task_server.usecases import stopping as stopping_module
from task_server.usecases.ports import Ports
from task_server.usecases.stopping import StoppedSome, Stopping
from task_server.usecases.tasks import Tasks


class Slow(Stopping):
    """Waits for the test after its second batch, which is stored then."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self.batches = 0
        self.stored, self.go_on = threading.Event(), threading.Event()

    def stop_some(self, caller: Caller, wanted: TaskFilter, after_id: str, last_id: str) -> StoppedSome:
        some = super().stop_some(caller, wanted, after_id, last_id)
        self.batches += 1
        if self.batches == 2:
            self.stored.set()
            assert self.go_on.wait(20)
        return some


def service(stopping: Stopping, threads: Threads) -> TaskService:
    used: dict[str, Any] = {"stopping": stopping, "threads": threads, "searches": Searches(threads)}
    return TaskService(**dict.fromkeys(inspect.signature(TaskService).parameters) | used)


async def test_a_call_that_breaks_midway_is_gone_on_with(
    ports: Ports,
    threads: Threads,
    ann: Caller,
    definition: Callable[..., TaskDefinition],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping_module, "_BATCH", 3)
    current_caller.set(ann)
    for _ in range(10):
        await threads.run(Tasks(ports).create, ann, definition())
    stopping = Slow(ports)
    request = task_service_pb2.StopTasksRequest(my_tasks=True)
    call = asyncio.create_task(service(stopping, threads).StopTasks(request, None))
    await asyncio.to_thread(stopping.stored.wait, 20)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    stopping.go_on.set()

    counting = task_service_pb2.StopTasksRequest(my_tasks=True, validate_only=True)
    assert (await service(Stopping(ports), threads).StopTasks(counting, None)).count == 4
    assert (await service(Stopping(ports), threads).StopTasks(request, None)).count == 4
    assert stopping.batches == 2
