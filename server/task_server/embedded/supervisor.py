"""Keeps the children running: restarts those that end, and stops all of them in order."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import Any, Self

from task_server.embedded.child import Child, ChildSpec
from task_server.embedded.errors import StackError

logger = logging.getLogger(__name__)

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: What is left of each stop limit once the stop signal came a second time: a worker still gives back what it had.
_HASTY_SECONDS = 3.0


class Supervisor:
    """Starts, watches and stops children. Use it in the main thread, as a context manager; it takes the signals while it is open.

    It sleeps in select() until a signal arrives (a child's end is one), a restart is due, or a probe wants its turn.
    """

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}
        #: How often SIGTERM, SIGINT or SIGHUP came.
        self.stop_signals = 0
        #: After this a child that refuses to start (status 1 or 2) is started again; before, it fails the stack.
        self.settled = False
        self._stopping = False
        self._wake_read, self._wake_write = -1, -1
        self._old_handlers: dict[int, Any] = {}
        self._old_wakeup_fd = -1

    def __enter__(self) -> Self:
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._old_wakeup_fd = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (*_STOP_SIGNALS, signal.SIGCHLD):
            self._old_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self.children.values():
            child.kill()
            if child.process is not None:
                child.process.wait()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup_fd)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def start(self, spec: ChildSpec) -> Child:
        """Start a child and, if its spec says so, keep it running. Raises StackError if there is no such program."""
        child = self.children[spec.name] = Child(spec)
        try:
            child.start(time.monotonic())
        except OSError as error:
            raise StackError(f"{spec.name} can not be started: {spec.argv[0]}: {error.strerror}") from error
        return child

    def wait(self, done: Callable[[], bool], every: float, limit: float) -> bool:
        """Supervise until `done()`, which is asked every `every` seconds; False if a stop signal came before.

        Raises StackError after `limit` seconds, or when a child refuses to start while the stack is not settled.
        """
        deadline = time.monotonic() + limit
        while not done():
            if self.stop_signals:
                return False
            if time.monotonic() >= deadline:
                raise StackError(f"the stack is not serving after {limit:g} s; {self._who_is_down()}")
            self._turn(time.monotonic() + every)
        return True

    def run(self) -> None:
        """Supervise until a stop signal comes."""
        while not self.stop_signals:
            self._turn(None)

    def stop(self, order: Iterable[Iterable[str]]) -> None:
        """Stop the children, one group of names after the other: SIGTERM, and SIGKILL for those that outlast their limit.

        A further stop signal is passed on, and cuts what is left of each limit to 3 s.
        """
        self._stopping = True
        asked = self.stop_signals
        for names in order:
            group = [self.children[name] for name in names if name in self.children]
            for child in group:
                child.restart_at = None
                child.terminate()
            begun = time.monotonic()
            was_hasty = False
            while running := [child for child in group if child.running]:
                hasty = self.stop_signals > min(asked, 1)
                if hasty and not was_hasty:
                    was_hasty, begun = True, time.monotonic()
                    for child in running:
                        child.terminate()
                deadlines = {
                    child.spec.name: begun
                    + (min(_HASTY_SECONDS, child.spec.stop_seconds) if hasty else child.spec.stop_seconds)
                    for child in running
                }
                for child in running:
                    if time.monotonic() >= deadlines[child.spec.name]:
                        logger.warning("%s did not end in time; killing it", child.spec.name)
                        child.kill()
                        deadlines[child.spec.name] = time.monotonic() + 1.0
                self._turn(min(deadlines.values()))

    def _turn(self, until: float | None) -> None:
        """Sleep until a signal, the next restart or `until`; then take the ends and the restarts that are due."""
        times = [child.restart_at for child in self.children.values() if child.restart_at is not None]
        if until is not None:
            times.append(until)
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        if select.select([self._wake_read], [], [], timeout)[0]:
            os.read(self._wake_read, 4096)
        for child in self.children.values():
            if child.reap() and not self._stopping and child.spec.restart:
                self._plan_restart(child)
        now = time.monotonic()
        for child in self.children.values():
            if child.restart_at is not None and child.restart_at <= now and not self._stopping:
                self._restart(child, now)

    def _plan_restart(self, child: Child) -> None:
        name, end = child.spec.name, child.how_it_ended()
        if not self.settled and child.status in (1, 2):
            raise StackError(f"{name} could not start{_see(child)}")
        now = time.monotonic()
        delay = child.delay(now)
        child.restart_at = now + delay
        logger.warning(
            "%s %s after %.1f s%s; starting it again in %.1f s", name, end, now - child.started_at, _see(child), delay
        )

    def _restart(self, child: Child, now: float) -> None:
        try:
            child.start(now)
        except OSError as error:
            # Out of processes or memory for a moment.
            child.restart_at = now + child.delay(now)
            logger.warning("%s could not be started again: %s", child.spec.name, error.strerror)
        else:
            logger.info("%s started again", child.spec.name)

    def _who_is_down(self) -> str:
        down = [child.spec.name for child in self.children.values() if child.spec.restart and not child.running]
        return f"not running: {', '.join(down)}" if down else "all processes run; see their lines above"

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number in _STOP_SIGNALS:
            self.stop_signals += 1


def _see(child: Child) -> str:
    return f" ({child.spec.hint})" if child.spec.hint else ""
