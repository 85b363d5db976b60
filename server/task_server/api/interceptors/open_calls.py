"""Calls that need no caller: health and reflection. They have few places of their own, so that strangers take nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError

from task_server.api.interceptors.around import Handler, ServicerContext
from task_server.api.reading import receive
from task_server.auth.policy import OPEN
from task_server.domain.errors import DeadlinePassed, InvalidFields

#: How long such a call may take that is no watch, in seconds.
_LONGEST_SECONDS = 10.0
WATCH = "/grpc.health.v1.Health/Watch"


class OpenCallsInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # not generic at run time
    """Lets at most `most` health watches, and as many other calls of strangers, run at once.

    A further watch is refused. Of other calls the oldest ends: it waits for a request that has not come, while that of whoever
    means it came with the call.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._watches = 0
        #: The calls that are no watches, the oldest first.
        self._others: dict[asyncio.Timeout, None] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the handler of a call that needs no caller."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler_call_details.method not in OPEN:
            return cast("Handler", handler)
        if handler_call_details.method == WATCH:
            return self._wrapped(handler, grpc.stream_stream_rpc_method_handler, self._watch(handler.unary_stream))
        if handler.response_streaming:
            return self._wrapped(handler, grpc.stream_stream_rpc_method_handler, self._stream(handler.stream_stream))
        return self._wrapped(handler, grpc.stream_unary_rpc_method_handler, self._unary(handler))

    @staticmethod
    def _wrapped(handler: Any, make: Any, behavior: Any) -> Handler:
        wrapped: Handler = make(behavior, handler.request_deserializer, handler.response_serializer)
        return wrapped

    def _watch(self, behavior: Any) -> Any:
        async def watch(_: Any, context: ServicerContext) -> None:
            if self._watches >= self._most:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"There are {self._most} health watches.")
            self._watches += 1
            try:
                async with _refusing(context):
                    request = await receive(context)
                await behavior(request, context)
            finally:
                self._watches -= 1

        return watch

    def _stream(self, behavior: Any) -> Any:
        async def stream(requests: Any, context: ServicerContext) -> AsyncIterator[Any]:
            async with self._place(context):
                async for response in behavior(requests, context):
                    yield response

        return stream

    def _unary(self, handler: Any) -> Any:
        async def unary(requests: Any, context: ServicerContext) -> Any:
            async with self._place(context):
                if handler.request_streaming:
                    return await handler.stream_unary(requests, context)
                return await handler.unary_unary(await receive(context), context)

        return unary

    @contextlib.asynccontextmanager
    async def _place(self, context: ServicerContext) -> AsyncIterator[None]:
        async with _refusing(context), asyncio.timeout(_LONGEST_SECONDS) as place:
            if len(self._others) >= self._most:
                oldest = next(iter(self._others))
                del self._others[oldest]
                oldest.reschedule(asyncio.get_running_loop().time())
            self._others[place] = None
            try:
                yield
            finally:
                self._others.pop(place, None)


@contextlib.asynccontextmanager
async def _refusing(context: ServicerContext) -> AsyncIterator[None]:
    """Answer for what is wrong with such a call; no interceptor of ours does."""
    try:
        yield
    except (TimeoutError, DeadlinePassed):
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "The request did not come in time.")
    except (DecodeError, InvalidFields):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request is missing, or can not be read.")
    except NotImplementedError:
        # What the health service's library has no answer for, it raises; gRPC would log a traceback of it.
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Not served here; ask for Check.")
