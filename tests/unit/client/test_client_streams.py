from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from client_harness import LoopbackServer, Servicer, refuse

import task_manager
from task_manager.v1.event_pb2 import TaskEvent
from task_manager.v1.execution_pb2 import TaskExecution
from task_manager.v1.execution_service_pb2 import ExecutionLogChunk
from task_manager.v1.task_pb2 import Task

# ruff: noqa: N802 - gRPC's names


class Changes(Servicer):
    """Keeps changes as the real server does: they outlive its process, and a token is a place among them."""

    def __init__(self, *state: str) -> None:
        self.state = state
        self.changes: list[TaskEvent] = []
        self.requests: list[Any] = []
        self.open_watches = 0
        self.moved = threading.Condition()

    def add(self, event_type: TaskEvent.Type | str, **task: Any) -> None:
        with self.moved:
            token = str(len(self.changes) + 1)
            self.changes.append(TaskEvent(type=event_type, task=Task(**task), watch_token=token))
            self.moved.notify_all()

    def WatchTasks(self, request: Any, context: Any) -> Iterator[TaskEvent]:
        with self.moved:
            self.requests.append(type(request).FromString(request.SerializeToString()))
            self.open_watches += 1
            self.moved.notify_all()
        context.add_callback(self._close)
        if not request.watch_token:
            for task_id in self.state:
                yield TaskEvent(type="ADDED", task=Task(task_id=task_id), watch_token="0")
                self.after_each_state(context)
            yield TaskEvent(type="BOOKMARK", watch_token="0")
        for place in itertools.count(int(request.watch_token or 0)):
            with self.moved:
                while context.is_active() and len(self.changes) == place:
                    self.moved.wait(30)
            if not context.is_active():
                return
            yield self.changes[place]
            self.after_each(context)

    def after_each_state(self, context: Any) -> None:
        """What happens after each task of the starting state: nothing."""

    def after_each(self, context: Any) -> None:
        """What happens after each change: nothing."""

    def _close(self) -> None:
        with self.moved:
            self.open_watches -= 1
            self.moved.notify_all()

    def await_watches(self, count: int) -> bool:
        with self.moved:
            return self.moved.wait_for(lambda: self.open_watches == count, timeout=20)

    def await_requests(self, count: int) -> bool:
        with self.moved:
            return self.moved.wait_for(lambda: len(self.requests) >= count, timeout=20)


def tokens(events: list[TaskEvent]) -> list[str]:
    return [each.watch_token for each in events]


async def test_a_watch_gives_the_state_then_changes(serve: Any, connect: Any) -> None:
    service = Changes("a", "b")
    service.add("MODIFIED", task_id="a")
    client = await connect(serve(service).address)
    events = await client.take(4, "watch", module="billing")
    assert [TaskEvent.Type.Name(each.type) for each in events] == ["ADDED", "ADDED", "BOOKMARK", "MODIFIED"]
    assert service.requests[0].module == "billing"


async def test_a_watch_left_early_ends_on_the_server_too(serve: Any, connect: Any) -> None:
    service = Changes()
    client = await connect(serve(service).address)
    assert len(await client.take(1, "watch")) == 1
    assert await asyncio.to_thread(service.await_watches, 0)


async def test_a_watch_goes_on_after_the_server_was_killed_and_started_again(serve: Any, connect: Any) -> None:
    # Given a watcher that has seen one change
    service = Changes()
    server: LoopbackServer = serve(service)
    client = await connect(server.address)
    watching = asyncio.ensure_future(client.take(6, "watch"))
    assert await asyncio.to_thread(service.await_requests, 1)
    service.add("MODIFIED", task_id="a")
    # If the server dies twice, and changes happen meanwhile
    for number in (2, 3):
        await asyncio.to_thread(server.kill)
        service.add("MODIFIED", task_id="b")
        await asyncio.to_thread(server.start)
        assert await asyncio.to_thread(service.await_requests, number)
        service.add("MODIFIED", task_id="c")
    # I expect each change once, in order
    assert tokens(await watching) == ["0", "1", "2", "3", "4", "5"]
    assert service.requests[0].watch_token == ""


class BreaksInState(Changes):
    """Breaks off in the middle of the first starting state."""

    def after_each_state(self, context: Any) -> None:
        if len(self.requests) == 1:
            self.state = ("b", "c")
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone in the middle")


async def test_a_starting_state_that_broke_off_comes_whole_and_once(serve: Any, connect: Any) -> None:
    service = BreaksInState("a", "b")
    client = await connect(serve(service).address)
    events = await client.take(3, "watch")
    assert [each.task.task_id for each in events] == ["b", "c", ""]


class EndsSlowReaders(Changes):
    """Ends each watcher after one change, as too slow."""

    def after_each(self, context: Any) -> None:
        refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")


async def test_a_watcher_that_was_too_slow_goes_on_with_its_last_token(serve: Any, connect: Any) -> None:
    service = EndsSlowReaders()
    for _ in range(3):
        service.add("MODIFIED", task_id="a")
    client = await connect(serve(service).address)
    assert tokens(await client.take(4, "watch")) == ["0", "1", "2", "3"]
    assert [each.watch_token for each in service.requests[:3]] == ["", "1", "2"]


async def test_a_watch_passes_filter_and_token_on_when_it_resumes(serve: Any, connect: Any) -> None:
    service = EndsSlowReaders()
    for _ in range(3):
        service.add("MODIFIED", task_id="a")
    client = await connect(serve(service).address)
    assert tokens(await client.take(2, "watch", "a", watch_token="1", my_tasks=False)) == ["2", "3"]
    assert {(each.task_id, each.my_tasks, each.watch_token) for each in service.requests[:2]} == {
        ("a", False, "1"),
        ("a", False, "2"),
    }


class Expired(Servicer):
    def WatchTasks(self, request: Any, context: Any) -> Iterator[TaskEvent]:
        refuse(context, grpc.StatusCode.OUT_OF_RANGE, "WATCH_TOKEN_EXPIRED")
        yield TaskEvent()

    def TailExecutionLogs(self, request: Any, context: Any) -> Iterator[ExecutionLogChunk]:
        refuse(context, grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND", id=request.id)
        yield ExecutionLogChunk()


async def test_an_error_that_is_no_break_ends_a_stream_as_its_class(serve: Any, connect: Any) -> None:
    client = await connect(serve(Expired()).address)
    with pytest.raises(task_manager.WatchTokenExpired):
        await client.take(1, "watch", watch_token="old")
    with pytest.raises(task_manager.ExecutionNotFound) as caught:
        await client.take(1, "logs", "e1")
    assert caught.value.metadata == {"id": "e1"}


async def test_a_watch_gives_up_when_its_patience_is_over(serve: Any, connect: Any) -> None:
    server = serve(Changes())
    server.kill()
    client = await connect(server.address, patience=0.3)
    with pytest.raises(task_manager.Unavailable):
        await client.take(1, "watch")


class Ended(Servicer):
    """A task that became final at once, and the answer when it is read."""

    def __init__(self, event: TaskEvent, task: Task | None) -> None:
        self._event = event
        self._task = task

    def WatchTasks(self, request: Any, context: Any) -> Iterator[TaskEvent]:
        assert request.until_terminal
        yield self._event

    def GetTask(self, request: Any, context: Any) -> Any:
        if self._task is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, "TASK_NOT_FOUND", task_id=request.task_id)
        return self._task


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "REVOKED"])
async def test_wait_gives_the_last_execution_however_it_ended(status: str, serve: Any, connect: Any) -> None:
    execution = TaskExecution(id="e1", status=status)
    task = Task(task_id="t1", status=status, last_execution=execution)
    client = await connect(serve(Ended(TaskEvent(type="ADDED", task=task), task)).address)
    assert await client.call("wait", "t1", timeout=20) == execution


async def test_wait_says_that_a_task_never_ran(serve: Any, connect: Any) -> None:
    task = Task(task_id="t1", status="REVOKED")
    client = await connect(serve(Ended(TaskEvent(type="ADDED", task=task), task)).address)
    with pytest.raises(task_manager.TaskNeverRan, match="REVOKED"):
        await client.call("wait", "t1")


async def test_wait_says_that_the_task_was_deleted(serve: Any, connect: Any) -> None:
    event = TaskEvent(type="DELETED", task=Task(task_id="t1"), watch_token="1")
    client = await connect(serve(Ended(event, None)).address)
    with pytest.raises(task_manager.TaskNotFound):
        await client.call("wait", "t1")


async def test_wait_refuses_a_cron_task_without_end(serve: Any, connect: Any) -> None:
    task = Task(task_id="t1", status="SCHEDULED", cron_expression="* * * * *")
    client = await connect(serve(Ended(TaskEvent(type="ADDED", task=task), task)).address)
    with pytest.raises(ValueError, match="max_runs") as caught:
        await client.call("wait", "t1", timeout=20)
    assert type(caught.value) is task_manager.TaskNeverEnds


class Working(Changes):
    """A task that is final when its last change says so."""

    def GetTask(self, request: Any, context: Any) -> Any:
        task = Task(task_id=request.task_id, status=self.changes[-1].task.status)
        task.last_execution.id = "e1"
        return task


async def test_wait_lives_through_a_restart_of_the_server(serve: Any, connect: Any) -> None:
    service = Working("t1")
    server: LoopbackServer = serve(service)
    client = await connect(server.address)
    waiting = asyncio.ensure_future(client.call("wait", "t1", timeout=60))
    assert await asyncio.to_thread(service.await_requests, 1)
    service.add("MODIFIED", task_id="t1", status="STARTED", cron_expression="* * * * *", max_runs=1)
    await asyncio.to_thread(server.kill)
    service.add("MODIFIED", task_id="t1", status="SUCCESS")
    await asyncio.to_thread(server.start)
    assert (await waiting).id == "e1"


@pytest.mark.parametrize("patience", [0, 60])
async def test_wait_ends_at_its_timeout(patience: float, serve: Any, connect: Any) -> None:
    service = Working("t1")
    client = await connect(serve(service).address, patience=patience)
    with pytest.raises(TimeoutError, match=r"not final within 0\.3 s") as caught:
        await client.call("wait", "t1", timeout=0.3)
    assert type(caught.value) is task_manager.WaitTimeout
    assert await asyncio.to_thread(service.await_watches, 0)


async def test_wait_ends_at_its_timeout_also_when_the_server_is_away(serve: Any, connect: Any) -> None:
    server = serve(Working("t1"))
    server.kill()
    client = await connect(server.address)
    with pytest.raises(task_manager.WaitTimeout):
        await client.call("wait", "t1", timeout=0.4)


class Logging(Servicer):
    """A log that breaks after each piece."""

    pieces = ("größer\n", "日志\n", "end\n")

    def __init__(self) -> None:
        self.offsets: list[int] = []

    def TailExecutionLogs(self, request: Any, context: Any) -> Iterator[ExecutionLogChunk]:
        self.offsets.append(request.offset)
        offset = 0
        for piece in self.pieces:
            if offset >= request.offset:
                yield ExecutionLogChunk(offset=offset, text=piece, attempt=1)
                if piece != self.pieces[-1]:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
            offset += len(piece.encode())


async def test_a_log_goes_on_at_the_byte_where_it_broke(serve: Any, connect: Any) -> None:
    service = Logging()
    client = await connect(serve(service).address)
    assert await client.take(None, "logs", "e1", follow=True) == list(Logging.pieces)
    assert service.offsets == [0, 9, 16]


async def test_an_asynchronous_watch_can_be_cancelled(serve: Any) -> None:
    service = Changes()
    async with task_manager.AsyncTaskClient(serve(service).address) as client:
        watching = asyncio.ensure_future(anext(client.watch(watch_token="0")))
        assert await asyncio.to_thread(service.await_watches, 1)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
        assert await asyncio.to_thread(service.await_watches, 0)


def test_closing_the_client_ends_a_watch_in_another_thread(serve: Any) -> None:
    service = Changes()
    client = task_manager.TaskClient(serve(service).address)
    ended: list[BaseException] = []

    def watch() -> None:
        try:
            list(client.watch())
        except task_manager.TaskManagerError as error:
            ended.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    assert service.await_watches(1)
    client.close()
    thread.join(20)
    assert [each.code for each in ended if isinstance(each, task_manager.TaskManagerError)] == [
        grpc.StatusCode.CANCELLED
    ]
