"""Where the events of an app come from: a connection to its broker that is made again whenever it is lost."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol

from celery.events import EventReceiver

from task_server.domain.tracked_app import TrackedApp
from task_server.tracking.celery_client import client_of
from task_server.tracking.event import seen_in
from task_server.tracking.seen import Seen
from task_server.tracking.tries import Tries
from task_server.tracking.untrusted_json import UnreadableError, read_json

_log = logging.getLogger(__name__)
#: What is larger is no event of Celery's: that cuts what it prints of arguments and results.
_MAX_BYTES = 1024 * 1024
#: How often the thread looks whether it should end.
_TURN_SECONDS = 0.5
#: How long the broker is left alone after it was lost, the first time and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Tell(Protocol):
    """Is told whether events are heard."""

    def __call__(self, *, is_heard: bool) -> None:
        """Called from one thread."""


class EventSource:
    """Listens to the events of one app on a thread of its own, and hands on what they say of runs.

    Events that are sent while the connection is down are lost: brokers do not keep them. So it tells, each time, from when on it
    hears them and from when on not.
    """

    def __init__(self, app: TrackedApp, hand_on: Callable[[Seen], None], tell: Tell) -> None:
        self._app = app
        self._client = client_of(app)
        self._hand_on = hand_on
        self._tell = tell
        self._tries = Tries()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"events-{app.name}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        pause, was_lost = _FIRST_PAUSE, False
        while not self._closed.is_set():
            try:
                with self._client.connection_for_read(self._app.broker) as connection, self._receiving(connection):
                    _log.log(
                        logging.WARNING if was_lost else logging.INFO,
                        "listening to the events of the app %s%s",
                        self._app.name,
                        " again" if was_lost else "",
                    )
                    pause = _FIRST_PAUSE
                    self._drain(connection)
            except Exception as error:
                # Whatever a broker sends: also what makes kombu itself stumble is no reason to listen no more.
                if not was_lost or pause == _FIRST_PAUSE:
                    _log.warning("the events of the app %s can not be heard: %s", self._app.name, type(error).__name__)
                was_lost = True
                self._tell(is_heard=False)
                self._closed.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    @contextlib.contextmanager
    def _receiving(self, connection: Any) -> Any:
        connection.ensure_connection(max_retries=1, timeout=2)
        receiver = EventReceiver(connection.default_channel, app=self._client)
        consumer = connection.Consumer(
            queues=[receiver.queue], on_message=self._take, no_ack=True, accept=["json"], channel=receiver.channel
        )
        with consumer:
            yield

    def _drain(self, connection: Any) -> None:
        is_heard = False
        while not self._closed.is_set():
            with contextlib.suppress(TimeoutError, socket.timeout):
                connection.drain_events(timeout=_TURN_SECONDS)
            connection.heartbeat_check()
            if not is_heard:
                # Not earlier: kombu subscribes at Redis when it is asked for the first events.
                is_heard = True
                self._tell(is_heard=True)

    def _take(self, message: Any) -> None:
        """Hand on what a message says. It is read here, and not by kombu, which would decode whatever its sender wants."""
        body = message.body
        if message.content_type != "application/json" or not body or len(body) > _MAX_BYTES:
            return
        try:
            content = read_json(bytes(body) if isinstance(body, memoryview) else body)
        except UnreadableError:
            return
        for event in content if isinstance(content, list) else [content]:
            seen = seen_in(event)
            if seen is not None:
                self._hand_on(self._tries.told(seen))
