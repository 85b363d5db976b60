"""One WatchTasks call: the state or the changes since a token, then changes as they come."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from task_manager.v1 import event_pb2
from task_server.api import convert
from task_server.api.threads import Threads
from task_server.api.watch import Subscription, Watchers
from task_server.auth.signing import Signer
from task_server.domain.errors import InvalidWatchToken, TaskNotFound, WatcherTooSlow
from task_server.domain.event import Event, EventType, Names, Position
from task_server.domain.listing import TaskFilter
from task_server.domain.owner import Caller
from task_server.domain.task import Task
from task_server.usecases.tasks import TaskView
from task_server.usecases.watching import Watching

#: A BOOKMARK comes after so long without a change.
_IDLE_SECONDS = 15.0


class WatchTokens:
    """Positions in the stream of changes, as callers hold them."""

    def __init__(self, secret_key: bytes, former_keys: Sequence[bytes] = ()) -> None:
        self._signer = Signer(secret_key, "watch", former_keys)

    def token(self, position: Position) -> str:
        """The token of a position."""
        return self._signer.sign(f"{position.transaction}.{position.number}")

    def position(self, token: str) -> Position:
        """The position of a token. Raises InvalidWatchToken."""
        text = self._signer.verify(token)
        if text is None:
            raise InvalidWatchToken(
                "watch_token was not made by this service; leave it out to begin with the present state"
            )
        transaction, number = text.split(".")
        return Position(int(transaction), int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """What one watcher asked for."""

    caller: Caller
    #: Empty for all tasks that match the filter.
    task_id: str
    wanted: TaskFilter
    #: None to begin with the present state.
    since: Position | None
    until_terminal: bool

    def matches(self, task: Task) -> bool:
        """Whether the watcher may see, and wants, changes of this task."""
        if self.task_id:
            return task.task_id == self.task_id and self.caller.may_see(task.owner.id)
        return self._wants(task, Names(task.definition.name, task.definition.module))

    def matched(self, change: Event) -> bool:
        """Whether that was so before the change."""
        if self.task_id or change.former is None:
            return self.matches(change.task)
        return self._wants(change.task, change.former)

    def _wants(self, task: Task, names: Names) -> bool:
        wanted = self.wanted
        return (
            (wanted.owner_id is None or task.owner.id == wanted.owner_id)
            and (not wanted.module or names.module == wanted.module)
            and (not wanted.name or names.name == wanted.name)
        )


class WatchStream:
    """Serves WatchTasks."""

    def __init__(self, watching: Watching, watchers: Watchers, threads: Threads, tokens: WatchTokens) -> None:
        self._watching = watching
        self._watchers = watchers
        self._threads = threads
        self._tokens = tokens

    async def events(self, request: WatchRequest) -> AsyncIterator[event_pb2.TaskEvent]:
        """The messages of one stream. Raises TaskNotFound, WatcherTooSlow, ServerStopping and what the use cases raise."""
        async with self._watchers.subscribed() as subscription:
            call = _Call(request, subscription.start, self._tokens)
            begin = self._state(call) if request.since is None else self._changes_since(call, request.since)
            async for message in begin:
                yield message
            if call.ended:
                return
            async for message in self._live(call, subscription):
                yield message

    async def _state(self, call: _Call) -> AsyncIterator[event_pb2.TaskEvent]:
        if call.request.task_id:
            view = await self._threads.run(self._watching.one, call.request.caller, call.request.task_id)
            yield call.added(view)
        else:
            before_id = ""
            while views := await self._threads.run(self._watching.page, call.request.wanted, before_id):
                for view in views:
                    yield call.added(view)
                before_id = views[-1].task.task_id
        yield call.bookmark()

    async def _changes_since(self, call: _Call, since: Position) -> AsyncIterator[event_pb2.TaskEvent]:
        """The changes between the token and the subscription; what came after those comes live."""
        request = call.request
        call.position = since
        has_ended, missing = False, None
        if request.task_id:
            # Before anything else: whether there is such a task, and whether it has ended already.
            try:
                view = await self._threads.run(self._watching.one, request.caller, request.task_id)
                has_ended = view.task.status.is_terminal and request.until_terminal
            except TaskNotFound as error:
                missing = error
        only = {"task_id": request.task_id} if request.task_id else {"owner_id": request.wanted.owner_id}
        told = False
        while changes := await self._threads.run(functools.partial(self._watching.after, call.position, **only)):
            for change in changes:
                message = call.changed(change)
                if message is not None:
                    told = True
                    yield message
                if call.ended:
                    return
        if missing is not None and not told:
            raise missing
        # One that was deleted since the token has told so, and has no more to tell.
        call.ended = has_ended or missing is not None

    async def _live(self, call: _Call, subscription: Subscription) -> AsyncIterator[event_pb2.TaskEvent]:
        # Changes that this watcher did not ask for do not put off its BOOKMARK.
        quiet_until = time.monotonic() + _IDLE_SECONDS
        while True:
            try:
                change = await subscription.next(max(0.0, quiet_until - time.monotonic()))
            except WatcherTooSlow as error:
                raise WatcherTooSlow(call.token()) from error
            message = call.bookmark() if change is None else call.changed(change)
            if message is not None:
                yield message
                quiet_until = time.monotonic() + _IDLE_SECONDS
            if call.ended:
                return


class _Call:
    """Where one watcher stands."""

    def __init__(self, request: WatchRequest, position: Position, tokens: WatchTokens) -> None:
        self.request = request
        self.position = position
        self.ended = False
        self._tokens = tokens
        #: The revisions that were sent as the present state: an older change of the same task would go backwards.
        self._sent: dict[str, int] = {}

    def token(self) -> str:
        return self._tokens.token(self.position)

    def added(self, view: TaskView) -> event_pb2.TaskEvent:
        """The present state of a task. Without a token: only the BOOKMARK after the last one says where to go on."""
        self._sent[view.task.task_id] = view.task.revision
        self._note_end(view.task)
        return event_pb2.TaskEvent(
            type=EventType.ADDED.value,
            task=convert.task(view.task, None, None, full=False),
            execution=convert.execution(view.last_execution, None) if view.last_execution else None,
        )

    def bookmark(self) -> event_pb2.TaskEvent:
        """Nothing new, and where to go on."""
        return event_pb2.TaskEvent(type="BOOKMARK", watch_token=self.token())

    def changed(self, change: Event) -> event_pb2.TaskEvent | None:
        """A change, or None when the watcher has it already or does not want it."""
        if change.position <= self.position:
            return None
        self.position = change.position
        matches, matched = self.request.matches(change.task), self.request.matched(change)
        if not matches and not matched:
            return None
        if change.task.revision <= self._sent.get(change.task.task_id, 0):
            return None
        self._note_end(change.task)
        if matches != matched:
            # Its new names brought it into the filter, or out of it.
            change = replace(change, type=EventType.ADDED if matches else EventType.DELETED)
        return convert.event(change, self.token())

    def _note_end(self, task: Task) -> None:
        if self.request.until_terminal and (task.status.is_terminal or task.deleted_at is not None):
            self.ended = True
