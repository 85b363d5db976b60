"""Receiving the one request of a call: after its caller is known, and not for ever.

To gRPC all our methods have streams of requests. Of others it receives the request before anything of ours runs, and waits for one
that never comes: then whoever can connect, without a token, takes all the places that there are.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from task_server.domain.errors import DeadlinePassed, InvalidFields, Violation

#: How long the request of a call may take to come, in seconds.
REQUEST_SECONDS = 10.0


async def receive(context: Any) -> Any:
    """The request, read as the method's handler says. Raises DeadlinePassed, and InvalidFields where there is none."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            request = await context.read()
    except TimeoutError:
        raise DeadlinePassed from None
    if request is grpc.aio.EOF:  # type: ignore[attr-defined] # set at run time
        raise InvalidFields([Violation("request", "is missing")])
    return request
