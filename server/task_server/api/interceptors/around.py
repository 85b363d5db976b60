"""The shape that all interceptors share: a context manager around each call, unary or streaming."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import grpc

from task_server.auth.policy import OPEN

if TYPE_CHECKING:
    # The stubs make these generic, grpc does not.
    ServicerContext = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    ServicerContext = grpc.aio.ServicerContext
    Handler = grpc.RpcMethodHandler


class Call:
    """One call: its method, metadata and context."""

    __slots__ = ("context", "is_stream", "metadata", "method")

    def __init__(self, details: grpc.HandlerCallDetails, context: ServicerContext, is_stream: bool) -> None:
        #: `/package.Service/Method`
        self.method: str = details.method
        self.metadata: tuple[tuple[str, str | bytes], ...] = tuple(details.invocation_metadata or ())
        self.context = context
        self.is_stream = is_stream

    def values(self, key: str) -> list[str]:
        """All text values of a metadata key."""
        return [value for name, value in self.metadata if name == key and isinstance(value, str)]


class AroundInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # not generic at run time
    """Runs `around` about every call but those that need no caller: they have no users, no rows and no errors of ours.

    It begins before the request has come (`api/reading.py`).
    """

    def around(self, call: Call) -> contextlib.AbstractAsyncContextManager[None]:
        """A context manager that the call runs in."""
        raise NotImplementedError

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap the call's handler."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler_call_details.method in OPEN:
            return cast("Handler", handler)
        if handler.response_streaming:
            behavior = self._stream(handler.stream_stream, handler_call_details)
            make: Any = grpc.stream_stream_rpc_method_handler
        else:
            behavior = self._unary(handler.stream_unary, handler_call_details)
            make = grpc.stream_unary_rpc_method_handler
        wrapped: Handler = make(behavior, handler.request_deserializer, handler.response_serializer)
        return wrapped

    def _unary(self, behavior: Any, details: grpc.HandlerCallDetails) -> Any:
        async def unary(request: Any, context: ServicerContext) -> Any:
            async with self.around(Call(details, context, is_stream=False)):
                return await behavior(request, context)

        return unary

    def _stream(self, behavior: Any, details: grpc.HandlerCallDetails) -> Any:
        async def stream(request: Any, context: ServicerContext) -> AsyncIterator[Any]:
            async with self.around(Call(details, context, is_stream=True)):
                async for response in behavior(request, context):
                    yield response

        return stream
