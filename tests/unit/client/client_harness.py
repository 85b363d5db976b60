"""A real gRPC server on a loopback port for servicers that a test writes, and both clients behind one set of verbs."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any, Protocol

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from tests.processes import free_port

from task_manager import AsyncTaskClient, TaskClient
from task_manager.v1 import (
    admin_service_pb2_grpc,
    execution_service_pb2_grpc,
    lock_service_pb2_grpc,
    task_service_pb2_grpc,
)

REQUEST_ID = "019aa000-0000-7000-8000-00000000abcd"


class Servicer(
    task_service_pb2_grpc.TaskServiceServicer,
    execution_service_pb2_grpc.ExecutionServiceServicer,
    lock_service_pb2_grpc.LockServiceServicer,
    admin_service_pb2_grpc.AdminServiceServicer,
):
    """All services; a test fills in the calls that it is about."""


class LoopbackServer:
    """Serves `servicer`. It can be killed and started again on the same port."""

    def __init__(self, servicer: Servicer) -> None:
        self._servicer = servicer
        self._port = free_port()
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(8))
        task_service_pb2_grpc.add_TaskServiceServicer_to_server(self._servicer, self._server)
        execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server(self._servicer, self._server)
        lock_service_pb2_grpc.add_LockServiceServicer_to_server(self._servicer, self._server)
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(self._servicer, self._server)
        self._server.add_insecure_port(self.address)
        self._server.start()

    def kill(self) -> None:
        self._server.stop(None).wait()


class Driver(Protocol):
    """What tests do with a client, whichever it is."""

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The answer of one call."""

    async def take(self, count: int | None, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """The first `count` items of an iterator, or all, and then closes it."""


class SyncDriver:
    def __init__(self, client: TaskClient) -> None:
        self.client = client

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client, method), *args, **kwargs)

    async def take(self, count: int | None, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        def walk() -> list[Any]:
            with closing(iter(getattr(self.client, method)(*args, **kwargs))) as items:
                return list(itertools.islice(items, count))

        return await asyncio.to_thread(walk)

    async def close(self) -> None:
        self.client.close()


class AsyncDriver:
    def __init__(self, client: AsyncTaskClient) -> None:
        self.client = client

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self.client, method)(*args, **kwargs)

    async def take(self, count: int | None, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        taken: list[Any] = []
        async with aclosing(aiter(getattr(self.client, method)(*args, **kwargs))) as items:
            while count is None or len(taken) < count:
                try:
                    taken.append(await anext(items))
                except StopAsyncIteration:
                    break
        return taken

    async def close(self) -> None:
        await self.client.close()


def refuse(
    context: grpc.ServicerContext,
    code: grpc.StatusCode,
    reason: str,
    *details: Message,
    message: str = "It is so.",
    domain: str = "task-manager",
    **metadata: str,
) -> None:
    """Ends the call as the server does: a status with ErrorInfo and further details, and the call's id in the trailers."""
    status = Status(code=code.value[0], message=message)
    for detail in (ErrorInfo(reason=reason, domain=domain, metadata=metadata), *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    answer = rpc_status.to_status(status)
    trailers = (*answer.trailing_metadata, ("x-request-id", REQUEST_ID))
    context.abort_with_status(answer._replace(trailing_metadata=trailers))  # type: ignore[attr-defined]
