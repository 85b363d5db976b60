"""`AsyncTaskClient`: the service for programs on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from copy import copy
from functools import cached_property
from types import TracebackType
from typing import Self

import grpc
from grpc import aio

from task_manager.aio_admin_calls import AsyncAdminCalls
from task_manager.aio_calls import ItemT
from task_manager.aio_execution_calls import AsyncExecutionCalls
from task_manager.aio_lock_calls import AsyncLockCalls
from task_manager.aio_task_calls import AsyncTaskCalls
from task_manager.endpoint import Endpoint
from task_manager.errors import TaskManagerError
from task_manager.rpcs import RequestT, ResponseT, Rpc
from task_manager.status import from_grpc
from task_manager.streams import Cursor, Patience, is_break
from task_manager.tls_files import PathLike


class AsyncTaskClient(AsyncTaskCalls, AsyncExecutionCalls, AsyncLockCalls, AsyncAdminCalls):
    """`TaskClient` for asyncio: the same arguments, methods, answers and errors; its doc strings hold here too.

    Calls are awaited; `list`, `list_scheduled`, `list_executions`, `watch` and `logs` are for `async for`. It may be made
    anywhere, and belongs to the event loop of its first call.
    """

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        ca_file: PathLike | None = None,
        cert_file: PathLike | None = None,
        key_file: PathLike | None = None,
        insecure: bool = False,
        timeout: float = 30.0,
        patience: float = 60.0,
    ) -> None:
        self._endpoint = Endpoint.resolve(
            address,
            token,
            credentials=credentials,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
            insecure=insecure,
        )
        self._timeout = timeout
        self._patience = patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection. Calls and streams that are still open are cancelled."""
        await self._channel.close(None)

    def within(self, timeout: float) -> Self:
        """As `TaskClient.within`: the same connection, with another deadline. Only where an event loop runs."""
        assert self._channel  # noqa: S101 - made here, so that both have the same one
        twin = copy(self)
        twin._timeout = timeout
        return twin

    @cached_property
    def _channel(self) -> aio.Channel:
        # Made at first use, because a channel belongs to the event loop that runs when it is made.
        where, options = self._endpoint.address, self._endpoint.options
        if self._endpoint.credentials is None:
            return aio.insecure_channel(where, options)
        return aio.secure_channel(where, self._endpoint.credentials, options)

    async def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None = None) -> ResponseT:
        invoke = self._channel.unary_unary(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        try:
            response: ResponseT = await invoke(
                request, timeout=deadline or self._timeout, metadata=self._endpoint.metadata
            )
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        return response

    async def _stream(
        self, rpc: Rpc[RequestT, ResponseT], request: RequestT, deadline: float | None
    ) -> AsyncGenerator[ResponseT, None]:
        invoke = self._channel.unary_stream(rpc.path, rpc.request.SerializeToString, rpc.response.FromString)
        call = invoke(request, timeout=deadline, metadata=self._endpoint.metadata)
        try:
            async for message in call:
                yield message
        except grpc.RpcError as error:
            raise from_grpc(error) from error
        finally:
            call.cancel()

    async def _resume(
        self,
        rpc: Rpc[RequestT, ResponseT],
        cursor: Cursor[RequestT, ResponseT, ItemT],
        remaining: Callable[[], float | None] = lambda: None,
    ) -> AsyncGenerator[ItemT, None]:
        patience = Patience(self._patience)
        while True:
            try:
                async with aclosing(self._stream(rpc, cursor.open(), remaining())) as messages:
                    async for message in messages:
                        patience.renew()
                        for item in cursor.accept(message):
                            yield item
                for item in cursor.finish():
                    yield item
                return
            except TaskManagerError as error:
                if not is_break(error):
                    raise
                left = remaining()
                delay = patience.after(error)
            await asyncio.sleep(delay if left is None else min(delay, left))
