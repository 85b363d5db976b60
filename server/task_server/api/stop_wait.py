"""Waiting until what StopTask stopped has ended: told by the stream of changes, or found in the rows where it tells nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from task_server.api.watch import Subscription
from task_server.domain.errors import ServerStopping, WatcherTooSlow, WatchTokenExpired
from task_server.domain.event import Event
from task_server.domain.execution import Execution

#: How long a silent stream is waited for. With a bell that rings an end is told in a fraction of it, and no row is read.
_LOOK_SECONDS = 0.1


async def await_ends(
    subscription: Subscription,
    running: Collection[str],
    seconds: float,
    look: Callable[[list[str]], Awaitable[Mapping[str, Execution]]],
) -> None:
    """Wait until the executions have ended, or for so long.

    Parameters:
        subscription: the changes since before the stop was stored.
        look: reads executions by their ids.

    Raises what `look` raises.
    """
    waiting = set(running)
    deadline = time.monotonic() + seconds
    is_told = True
    while waiting and (left := deadline - time.monotonic()) > 0:
        patience = min(left, _LOOK_SECONDS)
        event: Event | None = None
        if is_told:
            try:
                event = await subscription.next(patience)
            except (WatcherTooSlow, WatchTokenExpired, ServerStopping):
                is_told = False  # no reason to tell the caller less
        else:
            await asyncio.sleep(patience)
        if event is None:
            found = await look(list(waiting))
            waiting -= {execution_id for execution_id, run in found.items() if run.status.is_terminal}
        elif event.execution is not None and event.execution.status.is_terminal:
            waiting.discard(event.execution.id)
