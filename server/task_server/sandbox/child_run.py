"""One run, seen from outside: feeds the job, takes the frames, keeps the limits and sees the child dead."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Callable

from task_server.sandbox.ending import Cause, Ending
from task_server.sandbox.frames import BrokenFrame, ResultTooLarge
from task_server.sandbox.limits import Limits
from task_server.sandbox.pipes import RunPipes
from task_server.sandbox.verdict import Exit, ending_of
from task_server.sandbox.witness import TooMuchOutput, Witness
from task_server.sandbox.zygote import ASK_TO_END, KILL
from task_server.sandbox.zygote_process import ZygoteProcess

_CHUNK = 65_536
#: A killed child is dead within milliseconds, unless its zygote no longer does its work.
_KILL_SECONDS = 5.0


class ChildRun:
    """One run. It is supervised in the thread that calls `wait`, so that must be called, and at once.

    Raises OSError when there are no descriptors left.
    """

    def __init__(
        self,
        zygote: ZygoteProcess,
        job: bytes,
        limits: Limits,
        log: Callable[[str], None],
        *,
        stop_grace: float,
        lenient: bool,
    ) -> None:
        self._zygote = zygote
        self._unsent = memoryview(job)
        self._limits = limits
        self._stop_grace = stop_grace
        self._lenient = lenient
        self._witness = Witness(limits, log)
        self._pipes = RunPipes()
        self._waiting = threading.Lock()
        self._ending: Ending | None = None
        self._stop_asked = False
        self._kill_asked = False
        #: Why the supervisor ends the child; the first reason stays.
        self._cause: Cause | None = None
        self._exit: Exit | None = None
        self._zygote_lost = False
        self._deadline = 0.0
        self._kill_at: float | None = None
        self._give_up_at: float | None = None

    def begin(self) -> None:
        """Have the child forked. Raises OSError when the zygote does not take the request, Retired when it takes no more."""
        self._zygote.fork(self._limits, self._pipes.far_ends, lenient=self._lenient)
        self._deadline = time.monotonic() + self._limits.wall_seconds
        self._pipes.close_far_ends()
        self._send_job()

    def wait(self) -> Ending:
        """Watch the child until it is dead and say how it ended. What `log` raises kills the child and comes out."""
        with self._waiting:
            if self._ending is None:
                try:
                    self._ending = self._supervise()
                finally:
                    self.abandon()
            return self._ending

    def stop(self) -> None:
        """End the run early, from any thread, at any time, any number of times. No effect on one that has ended."""
        self._stop_asked = True
        self._pipes.wake()

    def kill(self) -> None:
        """End the run without asking it, as `stop` otherwise; also one that was asked and has its grace."""
        self._kill_asked = True
        self._pipes.wake()

    def abandon(self) -> None:
        """Close everything. A child that still lives is killed by its zygote, which sees the report socket closed."""
        self._pipes.close()

    def _supervise(self) -> Ending:
        pipes = self._pipes
        poller = select.poll()
        poller.register(pipes.output, select.POLLIN)
        poller.register(pipes.report, select.POLLIN)
        poller.register(pipes.wakeup, select.POLLIN)
        if self._unsent:
            poller.register(pipes.job, select.POLLOUT)
        while self._exit is None and not self._zygote_lost:
            for descriptor, _ in poller.poll(self._patience_milliseconds()):
                if descriptor == pipes.output:
                    if not self._read_output():
                        poller.unregister(descriptor)
                elif descriptor == pipes.wakeup:
                    os.eventfd_read(descriptor)
                elif descriptor == pipes.job:
                    self._send_job()
                    if not self._unsent:
                        poller.unregister(descriptor)
                else:
                    self._read_report()
            if self._exit is None:
                self._keep_time()
        self._see_it_dead()
        return ending_of(self._cause, self._exit, self._witness, self._limits)

    def _patience_milliseconds(self) -> float:
        if self._is_rushed:
            return 0.0
        due = self._give_up_at or self._kill_at or self._deadline
        # Rounded up, else the last millisecond is spent turning.
        return max(0.0, (due - time.monotonic()) * 1000 + 1)

    @property
    def _is_rushed(self) -> bool:
        """Whether somebody asked for the end, and nothing was done about it yet."""
        return (self._cause is None and self._stop_asked) or (self._give_up_at is None and self._kill_asked)

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._give_up_at is None and self._kill_asked:
            self._cause = self._cause or Cause.STOPPED
            self._kill()
        elif self._cause is None:
            if self._stop_asked:
                self._cause = Cause.STOPPED
                self._order(ASK_TO_END)
                self._kill_at = now + self._stop_grace
            elif now >= self._deadline:
                self._condemn(Cause.WALL)
        elif self._give_up_at is None:
            if self._kill_at is not None and now >= self._kill_at:
                self._kill()
        elif now >= self._give_up_at:
            self._zygote.kill()

    def _condemn(self, cause: Cause) -> None:
        if self._cause is None:
            self._cause = cause
            self._kill()

    def _kill(self) -> None:
        self._order(KILL)
        self._give_up_at = time.monotonic() + _KILL_SECONDS

    def _order(self, letter: bytes) -> None:
        # A zygote that is gone is seen as the end of the report socket.
        with contextlib.suppress(OSError):
            self._pipes.report.send(letter)

    def _send_job(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._pipes.job, self._unsent[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent = memoryview(b"")
        self._pipes.close_job()

    def _read_output(self) -> bool:
        """Take what the child has written; False when there is nothing more to come or nothing more is wanted."""
        try:
            data = os.read(self._pipes.output, _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        try:
            self._witness.hear(data)
        except TooMuchOutput:
            self._condemn(Cause.OUTPUT)
        except ResultTooLarge:
            self._condemn(Cause.RESULT)
        except BrokenFrame:
            self._condemn(Cause.CRASHED)
        else:
            return True
        return False

    def _read_report(self) -> None:
        try:
            message = self._pipes.report.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._zygote_lost = True
            return
        said = json.loads(message)
        if "status" in said:
            self._exit = Exit(said["status"], said["cpu_seconds"], said["peak_memory_bytes"])
        elif "refused" in said:
            self._witness.refusal = said["refused"]

    def _see_it_dead(self) -> None:
        """Take what is left in the pipe. Where the zygote died, wait until nobody holds the pipe's other end."""
        until = time.monotonic() + _KILL_SECONDS
        poller = select.poll()
        poller.register(self._pipes.output, select.POLLIN)
        wanted = self._cause in (None, Cause.STOPPED, Cause.WALL)
        while wanted:
            patience = (until - time.monotonic()) * 1000 if self._exit is None else 0.0
            wanted = bool(poller.poll(max(0.0, patience))) and self._read_output()
