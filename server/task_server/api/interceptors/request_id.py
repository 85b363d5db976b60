"""Gives each call an id, or keeps the caller's, and returns it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

from task_server import logs
from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.domain.ids import new_id

KEY = "x-request-id"
#: Whatever else a caller sends would go into our logs as it is.
_FORM = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class RequestIdInterceptor(AroundInterceptor):
    """Sets `logs.request_id` for all that the call does."""

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Set the id and send it back."""
        given = call.values(KEY)
        request_id = given[0] if given and _FORM.fullmatch(given[0]) else new_id()
        # Each call has a task, and so a context, of its own: nothing needs to be set back.
        logs.request_id.set(request_id)
        await call.context.send_initial_metadata(((KEY, request_id),))
        yield
