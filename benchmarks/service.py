"""Our service as a caller sees it: gRPC stubs with the token, and a bare HTTP connection to the gateway."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from benchmarks.stack import Stack
from task_manager.v1 import task_pb2, task_service_pb2, task_service_pb2_grpc

_CODE = "def f():\n    return 1\n"


class Service:
    """TaskService over one channel. To be made in an event loop."""

    def __init__(
        self, stack: Stack, *, credentials: grpc.ChannelCredentials | None = None, bearer: str | None = None
    ) -> None:
        self._channel = (
            grpc.aio.secure_channel(stack.grpc_address, credentials)
            if credentials is not None
            else grpc.aio.insecure_channel(stack.grpc_address)
        )
        stub: Any = task_service_pb2_grpc.TaskServiceStub
        self._stub = stub(self._channel)
        self._metadata = (("authorization", f"Bearer {bearer or stack.token}"),)

    async def create(self, name: str, delay_seconds: float | None = None) -> task_pb2.Task:
        """Create a code task."""
        task = task_pb2.Task(name=name, function_code=_CODE, function_name="f", delay_seconds=delay_seconds)
        request = task_service_pb2.CreateTaskRequest(task=task)
        answer: task_pb2.Task = await self._stub.CreateTask(request, metadata=self._metadata)
        return answer

    async def create_many(self, name: str, count: int, delay_seconds: float) -> None:
        """Create code tasks in one call."""
        task = task_pb2.Task(name=name, function_code=_CODE, function_name="f", delay_seconds=delay_seconds)
        each = task_service_pb2.CreateTaskRequest(task=task)
        await self._stub.BatchCreateTasks(
            task_service_pb2.BatchCreateTasksRequest(requests=[each] * count), metadata=self._metadata
        )

    async def get(self, task_id: str) -> task_pb2.Task:
        """Read a task."""
        request = task_service_pb2.GetTaskRequest(task_id=task_id)
        answer: task_pb2.Task = await self._stub.GetTask(request, metadata=self._metadata)
        return answer

    def watch(self, name: str) -> Any:
        """Watch the tasks of that name."""
        return self._stub.WatchTasks(task_service_pb2.WatchTasksRequest(name=name), metadata=self._metadata)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)


class RestConnection:
    """One kept-alive connection that does one GET: an HTTP library would cost more than what it measures."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._host, _, port = stack.http_address.rpartition(":")
        self._port = int(port)
        head = f"GET {path} HTTP/1.1\r\nHost: {stack.http_address}\r\nAuthorization: Bearer {stack.token}\r\n\r\n"
        self._request = head.encode()
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self) -> None:
        """Ask, and read the whole answer. Raises RuntimeError unless it is 200."""
        if self._stream is None or self._stream[0].at_eof():
            # The gateway hangs up on whoever says nothing for some seconds.
            self._stream = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._stream
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.split(b":")[1]))
        if not head.startswith(b"http/1.1 200 "):
            raise RuntimeError(f"{head!r} {body!r}")

    def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream[1].close()
