"""The real server on a loopback port, with a tiny servicer behind its interceptors."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
from google.protobuf import any_pb2, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2, status_pb2

from task_manager.v1 import event_pb2, task_pb2, task_service_pb2_grpc
from task_server import logs
from task_server.api.interceptors.authentication import current_caller
from task_server.api.refusals import Refusals
from task_server.api.server import ApiServer
from task_server.api.threads import Threads
from task_server.api.watch import Watchers
from task_server.auth.authenticator import Authenticator
from task_server.auth.last_use import LastUses
from task_server.auth.tokens import Tokens
from task_server.config import Settings
from task_server.store.database import Database
from task_server.usecases.auditing import Auditing
from task_server.usecases.ports import Ports
from task_server.usecases.watching import Watching


class TinyService:
    """Does in GetTask and WatchTasks what the test put there, and keeps what was called."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.act: Callable[[], Any] = lambda: None
        self.never = asyncio.Event()
        #: Large messages that WatchTasks sends at the end.
        self.flood = 0
        self.stream_ended = asyncio.Event()

    async def GetTask(self, request: Any, context: Any) -> task_pb2.Task:  # noqa: N802
        self.called.append("GetTask")
        result = self.act()
        if asyncio.iscoroutine(result):
            await result
        caller = current_caller.get()
        return task_pb2.Task(task_id=request.task_id, name=caller.owner.id, module=logs.request_id.get())

    async def WatchTasks(self, request: Any, context: Any) -> AsyncIterator[event_pb2.TaskEvent]:  # noqa: N802
        self.called.append("WatchTasks")
        try:
            yield event_pb2.TaskEvent(watch_token=current_caller.get().owner.id)
            result = self.act()
            if asyncio.iscoroutine(result):
                await result
            yield event_pb2.TaskEvent(watch_token=logs.request_id.get())
            for _ in range(self.flood):
                yield event_pb2.TaskEvent(watch_token="x" * 100_000)
        finally:
            self.stream_ended.set()


class World:
    """One server, its tokens, and a channel to it."""

    def __init__(
        self,
        database: Database,
        ports: Ports,
        threads: Threads,
        more_servicers: Callable[[World], dict[str, object]] = lambda world: {},
        **settings: Any,
    ) -> None:
        self.service = TinyService()
        self.database, self.threads = database, threads
        self.refusals = Refusals(Auditing(database), threads)
        self.tokens = Tokens(database, b"k" * 32)
        self.last_uses = LastUses(database)
        self.authenticator = Authenticator([self.tokens], self.last_uses.note)
        self.watchers = Watchers(Watching(ports), threads)
        self.server = ApiServer(
            Settings(grpc_address="127.0.0.1:0", **settings),
            servicers={"TaskService": self.service, **more_servicers(self)},
            authenticator=self.authenticator,
            last_uses=self.last_uses,
            refusals=self.refusals,
            threads=threads,
            watchers=self.watchers,
            database=database,
        )
        self.channel: grpc.aio.Channel
        self.stub: Any
        self.port = 0
        self.stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        self.port = await self.server.start()
        serving = asyncio.create_task(self.server.serve(self.stop))
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as self.channel:
                self.stub = task_service_pb2_grpc.TaskServiceStub(self.channel)
                yield self
        finally:
            self.stop.set()
            await serving

    def call(self, method: MethodDescriptor, **options: Any) -> Any:
        """Call any RPC of the contract with an empty request."""
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        request = message_factory.GetMessageClass(method.input_type)()
        answer = message_factory.GetMessageClass(method.output_type)
        path = f"/{method.containing_service.full_name}/{method.name}"
        return make(path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString)(
            request, timeout=20, **options
        )


#: Starts a server with settings, and ends it.
Start = Callable[..., contextlib.AbstractAsyncContextManager[World]]


async def failure(call: Any) -> grpc.aio.AioRpcError:
    """The error that a call, unary or streaming, ends with."""
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call went well")


def detail(error: grpc.aio.AioRpcError, kind: Any = error_details_pb2.ErrorInfo) -> Any:
    """One of the error's details."""
    (raw,) = (value for key, value in error.trailing_metadata() or () if key == "grpc-status-details-bin")
    for packed in status_pb2.Status.FromString(raw).details:
        assert isinstance(packed, any_pb2.Any)
        if packed.Is(kind.DESCRIPTOR):
            message = kind()
            packed.Unpack(message)
            return message
    raise AssertionError(f"no {kind.DESCRIPTOR.name} in the error")


class Log(io.StringIO):
    """What was written, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def write(self, text: str) -> int:
        self._more.set()
        return super().write(text)

    async def line(self, word: str) -> str:
        """The first line with the word in it."""
        while not (lines := [line for line in self.getvalue().splitlines() if word in line]):
            self._more.clear()
            await self._more.wait()
        return lines[0]


@contextlib.contextmanager
def written_log() -> Iterator[Log]:
    """What our loggers write in the event loop, at every level, as an operator reads it."""
    stream = Log()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.TextFormatter("server"))
    handler.addFilter(logs._add_request_id)
    logger = logging.getLogger("task_server")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def close_connections(threads: Threads, database: Database) -> None:
    """Close the connections of both threads, which only they can do, as a restart of the database does."""
    together = threading.Barrier(2)
    for closed in [threads._pool.submit(lambda: (together.wait(), database.close())) for _ in range(2)]:
        closed.result()
