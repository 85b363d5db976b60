"""The stream of changes, fanned out: one reader of the event table for all watchers of this server.

The bell says when to read; without it the reader looks every second while anybody watches, and not at all while nobody does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator

from task_server.api.threads import Threads
from task_server.domain.errors import (
    DatabaseUnavailable,
    ServerStopping,
    TaskServiceError,
    WatcherTooSlow,
    WatchTokenExpired,
)
from task_server.domain.event import Event, Position
from task_server.usecases.watching import BATCH, Watching

_log = logging.getLogger(__name__)
#: How many changes a watcher may be behind.
_BACKLOG = 2000
#: How long a ring may be lost.
_POLL_SECONDS = 1.0


class Subscription:
    """The changes after `start`, as they come."""

    def __init__(self, start: Position) -> None:
        self.start = start
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(_BACKLOG)
        self._end: TaskServiceError = ServerStopping()

    def offer(self, event: Event) -> bool:
        """Hand over a change. False when the watcher is too far behind; then it was ended."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.end(WatcherTooSlow(""))
            return False
        return True

    def end(self, error: TaskServiceError) -> None:
        """End the subscription with an error, for the watcher at once."""
        self._end = error
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def next(self, seconds: float) -> Event | None:
        """The next change, None when none came within so many seconds. Raises the error that ended the subscription."""
        try:
            async with asyncio.timeout(seconds):
                event = await self._events.get()
        except TimeoutError:
            return None
        if event is None:
            raise self._end
        return event


class Watchers:
    """All watchers of this server."""

    def __init__(self, watching: Watching, threads: Threads) -> None:
        self._watching = watching
        self._threads = threads
        self._subscriptions: set[Subscription] = set()
        self._position = Position(0, 0)
        self._rung = asyncio.Event()
        self._starting = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether this server goes away."""
        return self._closed

    def rung(self) -> None:
        """There are new events. To be called in the event loop."""
        self._rung.set()

    @contextlib.asynccontextmanager
    async def subscribed(self) -> AsyncIterator[Subscription]:
        """A subscription to all changes from now on. Raises ServerStopping once this server goes away."""
        if self._closed:
            raise ServerStopping
        async with self._starting:
            if self._reader is None:
                self._position = await self._threads.run(self._watching.head)
                if self._closed:
                    # While the position was read: nobody would end this subscription, nor its reader.
                    raise ServerStopping
                # In a context of its own: what the reader logs is not the first watcher's doing.
                self._reader = asyncio.create_task(self._read(), context=contextvars.Context())
            subscription = Subscription(self._position)
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions and self._reader is not None and not self._starting.locked():
                self._reader.cancel()
                self._reader = None

    def close(self) -> None:
        """End all subscriptions, and the reader: this server goes away."""
        self._closed = True
        self._end_all(ServerStopping())
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _end_all(self, error: TaskServiceError) -> None:
        for subscription in self._subscriptions:
            subscription.end(error)
        self._subscriptions.clear()

    async def _read(self) -> None:
        try:
            await self._read_on()
        except Exception:
            # A defect: better that all watchers resume than that they wait for what nobody reads.
            _log.exception("the event reader failed")
            self._reader = None
            self._end_all(ServerStopping())

    async def _read_on(self) -> None:
        is_away = False
        while True:
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`: before Python 3.12 it forgets a cancellation that comes together with the ring (gh-86296).
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._rung.wait()
            self._rung.clear()
            try:
                events = await self._threads.run(self._watching.after, self._position)
                if events:
                    self._hand_out(events)
                if len(events) == BATCH:
                    # There may be more; whatever comes after a read that was not full rings.
                    self._rung.set()
                is_away = False
            except WatchTokenExpired as error:
                await self._begin_anew(error)
            except DatabaseUnavailable:
                if not is_away:
                    _log.warning("the event reader waits for the database")
                is_away = True

    async def _begin_anew(self, error: WatchTokenExpired) -> None:
        """Go on with the present: what comes next was removed before this server read it, so no watcher can have it."""
        _log.warning("the event reader fell behind what is kept, all watches are ended")
        try:
            head = await self._threads.run(self._watching.head)
        except DatabaseUnavailable:
            return  # the next read finds the same
        # In one go, so that nobody subscribes with the old position meanwhile.
        self._end_all(error)
        self._position = head

    def _hand_out(self, events: list[Event]) -> None:
        for event in events:
            self._subscriptions -= {
                subscription for subscription in self._subscriptions if not subscription.offer(event)
            }
        self._position = events[-1].position
