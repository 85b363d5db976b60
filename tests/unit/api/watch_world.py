"""What the tests of watching share: a server's watchers, who makes the changes, and what a stream has shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from task_manager.v1 import event_pb2
from task_server.api.threads import Threads
from task_server.api.watch import Watchers
from task_server.api.watch_stream import WatchRequest, WatchStream, WatchTokens
from task_server.domain.listing import TaskFilter
from task_server.domain.outcome import Outcome
from task_server.domain.owner import Caller
from task_server.domain.status import ExecutionStatus
from task_server.domain.task import TaskDefinition
from task_server.notifier.bell import Topic
from task_server.usecases.ports import Ports
from task_server.usecases.running import Running
from task_server.usecases.stopping import Stopping
from task_server.usecases.tasks import Tasks, TaskView
from task_server.usecases.watching import Watching

Stream = AsyncIterator[event_pb2.TaskEvent]
Define = Callable[..., TaskDefinition]


class World:
    """A server's watchers, and the use cases that make the changes."""

    def __init__(self, ports: Ports, threads: Threads, watching: Watching | None = None) -> None:
        self.ports, self.threads = ports, threads
        self.tasks, self.stopping, self.running = Tasks(ports), Stopping(ports), Running(ports, lease_seconds=30)
        self.watching = watching or Watching(ports)
        self.watchers = Watchers(self.watching, threads)
        self.tokens = WatchTokens(b"k" * 32)
        self.stream = WatchStream(self.watching, self.watchers, threads, self.tokens)

    def request(
        self, caller: Caller, task_id: str = "", since: str = "", until_terminal: bool = False, **wanted: Any
    ) -> WatchRequest:
        return WatchRequest(
            caller=caller,
            task_id=task_id,
            wanted=TaskFilter(**{"owner_id": caller.owner.id, **wanted}),
            since=self.tokens.position(since) if since else None,
            until_terminal=until_terminal,
        )

    @contextlib.asynccontextmanager
    async def watched(self, caller: Caller, *arguments: Any, **options: Any) -> AsyncIterator[Stream]:
        """One watcher, which goes at the end."""
        stream = self.stream.events(self.request(caller, *arguments, **options))
        async with contextlib.aclosing(stream):  # type: ignore[type-var]
            yield stream

    async def finish(self, view: TaskView, status: ExecutionStatus = ExecutionStatus.SUCCESS) -> None:
        """Run a task's execution."""
        assert view.last_execution is not None
        claim = await self.threads.run(self.running.claim, view.last_execution.id, "w")
        assert claim is not None
        outcome = Outcome(status=status, result_json="1")
        assert await self.threads.run(self.running.finish, view.last_execution.id, 1, outcome)

    async def create(self, caller: Caller, definition: TaskDefinition) -> TaskView:
        return await self.threads.run(self.tasks.create, caller, definition)


@contextlib.contextmanager
def ringing(world: World) -> Iterator[None]:
    """The bell rings in the server, as `bootstrap` has it."""
    loop = asyncio.get_running_loop()

    def rung(_: str) -> None:
        loop.call_soon_threadsafe(world.watchers.rung)

    with world.ports.bell.listen(Topic.EVENTS, rung):
        yield


def shown(message: event_pb2.TaskEvent) -> tuple[str, str, int]:
    """Type, task and the task's revision."""
    kind = event_pb2.TaskEvent.Type.Name(message.type)
    return kind, message.task.name, int(message.task.etag or 0)


async def until(stream: Stream, kind: str) -> list[tuple[str, str, int]]:
    """The messages before, and with, the first of a type."""
    found = []
    async for message in stream:
        found.append(shown(message))
        if found[-1][0] == kind:
            return found
    raise AssertionError(f"ended before {kind}: {found}")


async def take(stream: Stream, count: int) -> list[event_pb2.TaskEvent]:
    return [await anext(stream) for _ in range(count)]
