"""grpc.aio's server, which takes calls in another way: one with a path that is no text ended the whole server.

grpc.aio decodes the path of each call in the loop that takes all calls, and a path may have any bytes: one call that nobody needs a
token for, and no call was ever taken again, while the process went on. Here every method is registered, so that gRPC's core
compares paths as bytes, and a path that is no method's is not looked at: all of them are one unknown method. What is overridden is
not public; `tests/unit/api/test_hostile_calls.py` fails where a version of grpc does without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server

#: The name of whatever is no method of this server.
UNKNOWN_METHOD = "/unknown"


class CallServer(_server.Server):
    """A server whose methods are all registered.

    Parameters:
        unknown: takes the calls of no method.
        most: calls at once; more are refused by gRPC itself, without details.
    """

    def __init__(
        self,
        unknown: grpc.GenericRpcHandler[Any, Any],
        interceptors: Sequence[grpc.aio.ServerInterceptor[Any, Any]],
        options: Sequence[tuple[str, int]],
        most: int,
    ) -> None:
        self._loop = cygrpc.get_working_loop()
        self._server = _Calls(self._loop, None, (unknown,), tuple(interceptors), tuple(options), None)
        self._server.prepare(unknown, interceptors, most)


class _Calls(cygrpc.AioServer):  # type: ignore[misc] # has no types
    """Takes the calls of each method by a task of its own."""

    def prepare(
        self,
        unknown: grpc.GenericRpcHandler[Any, Any],
        interceptors: Sequence[grpc.aio.ServerInterceptor[Any, Any]],
        most: int,
    ) -> None:
        self._unknown = unknown
        self._around = tuple(interceptors)
        self._most = most
        self._handlers: dict[str, Any] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add_registered_method_handlers(self, method_handlers: Mapping[str, Any]) -> None:
        self._handlers.update(method_handlers)
        super().add_registered_method_handlers(dict(method_handlers))

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Task[None]:
        return asyncio.create_task(self._take(method))

    async def _take(self, method: bytes | None) -> None:
        """Take calls until the server ends, which raises what grpc.aio's own loop expects of it."""
        name = UNKNOWN_METHOD if method is None else method.decode()
        resolver = cygrpc._MethodResolver([self._unknown], self._handlers)
        loop = asyncio.get_running_loop()
        while True:
            state = await (self._request_call() if method is None else self._request_registered_call(method))
            is_full = len(self._running) >= self._most
            call = cygrpc._handle_rpc(name, resolver, self._around, state, loop, is_full)
            task = asyncio.create_task(cygrpc._schedule_rpc_coro(call, state, loop, name))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
