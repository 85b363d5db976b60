"""One supervised process: how it is started, and how long to wait before it is started again."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0
#: A child that ran so long is taken to be well: its next restart waits as little as the first.
_WELL_AFTER = 30.0

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing but the system call is safe.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to start a child, and how long it may take to end after SIGTERM."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    stop_seconds: float
    #: File descriptors that the child inherits.
    pass_fds: tuple[int, ...] = ()
    #: Whether it is started again when it ends.
    restart: bool = True
    #: Where its own words are, when they are not on standard error.
    hint: str = ""


@dataclass(slots=True)
class Child:
    """A child and its life so far. Times are of the monotonic clock."""

    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    #: When to start it again; None while it runs or is not to.
    restart_at: float | None = None
    #: The exit status of its last run, or minus the signal that ended it; None before the first end.
    status: int | None = None
    _quick_ends: int = field(default=0, init=False)

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended yet."""
        return self.process is not None

    def start(self, now: float) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches only the supervisor. Raises OSError."""
        self.restart_at = None
        self.started_at = now
        # Safe although it runs between fork and exec: the supervisor has one thread.
        supervisor = os.getpid()

        def die_with_the_supervisor() -> None:
            if _libc is not None:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)

        self.process = subprocess.Popen(  # noqa: S603 - our own programs
            self.spec.argv,
            env=self.spec.env,
            stdin=subprocess.DEVNULL,
            pass_fds=self.spec.pass_fds,
            process_group=0,
            preexec_fn=die_with_the_supervisor,
        )

    def reap(self) -> bool:
        """Tell whether it has ended since the last call; then `status` says how, and what it left in its group is killed."""
        if self.process is None or self.process.poll() is None:
            return False
        self._kill_group(self.process.pid)
        self.status = self.process.returncode
        self.process = None
        return True

    def delay(self, now: float) -> float:
        """Return how many seconds to wait before the next start; twice as long after each quick end."""
        self._quick_ends = 0 if now - self.started_at >= _WELL_AFTER else self._quick_ends
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0**self._quick_ends)
        self._quick_ends += 1
        return delay

    def terminate(self) -> None:
        """Ask it to drain and end."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything in its process group at once."""
        if self.process is not None:
            self._kill_group(self.process.pid)

    def how_it_ended(self) -> str:
        """Say the last end in words."""
        if self.status is not None and self.status < 0:
            return f"was ended by {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}"

    @staticmethod
    def _kill_group(leader: int) -> None:
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # Nobody is left; macOS says EPERM of a group of zombies.
            return
