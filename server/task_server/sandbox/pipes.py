"""The descriptors of one run."""

from __future__ import annotations

import contextlib
import os
import socket
import threading


class RunPipes:
    """A job pipe, an output pipe, a report socket and a wake-up, each opened and closed exactly once.

    Raises OSError, with nothing left open, when there are no descriptors left.
    """

    def __init__(self) -> None:
        with contextlib.ExitStack() as opened:
            child_job, self.job = _pipe(opened)
            self.output, child_output = _pipe(opened)
            self.report, self._far_report = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.callback(self.report.close)
            opened.callback(self._far_report.close)
            self.wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            opened.callback(os.close, self.wakeup)
            os.set_blocking(self.job, False)
            os.set_blocking(self.output, False)
            self.report.setblocking(False)
            opened.pop_all()
        self._far_pipes = [child_job, child_output]
        self._waking = threading.Lock()
        self._job_open = True
        self._open = True

    @property
    def far_ends(self) -> list[int]:
        """What the zygote gets: the child's two pipe ends and its own end of the report socket."""
        return [*self._far_pipes, self._far_report.fileno()]

    def close_far_ends(self) -> None:
        """Let go of what the zygote got, so that the end of a child shows as the end of its pipe."""
        while self._far_pipes:
            os.close(self._far_pipes.pop())
        self._far_report.close()

    def close_job(self) -> None:
        """Tell the child that the job is complete."""
        if self._job_open:
            self._job_open = False
            os.close(self.job)

    def wake(self) -> None:
        """Wake whoever polls `wakeup`. From any thread; no effect once closed."""
        with self._waking:
            if self._open:
                os.eventfd_write(self.wakeup, 1)

    def close(self) -> None:
        """Close everything."""
        self.close_far_ends()
        self.close_job()
        with self._waking:
            if self._open:
                self._open = False
                os.close(self.wakeup)
                os.close(self.output)
        self.report.close()


def _pipe(opened: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends
