"""One process of the cluster, which is killed, paused, drained and started again."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.processes import descendants, is_alive, send

#: How long the children of a process that was killed may take to follow it.
_FOLLOW_SECONDS = 5.0
_DRAIN_SECONDS = 30.0
#: A process that finds its database away when it starts ends so; whoever supervises it starts it again.
_MAY_REFUSE_TO_START = re.compile(r"task-server: the \w+ database does not answer")


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that a process should not have done."""

    process: str
    what: str


class Process:
    """One process. It writes into a file of its own, and starts again with the same arguments.

    Faults and the supervising thread use it at the same time.
    """

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        #: What went wrong with it, without anybody having asked for it.
        self.mishaps: list[Mishap] = []
        #: Its process ids, one for each time that it was started.
        self.pids: list[int] = []
        #: How often it, or something below it, was killed.
        self.kills = 0
        self._argv = list(argv)
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        #: Whether it should run: false while a fault keeps it down.
        self._wanted = False
        self._log_began = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._lock:
            self._wanted = True
            if self._process is None or self._process.poll() is not None:
                self._start()

    def kill(self) -> None:
        """End it without warning. Its children must follow by themselves."""
        with self._lock:
            self._wanted = False
            if self._process is None or self._process.poll() is not None:
                return
            below = descendants(self._process.pid)
            self._process.kill()
            self._process.wait()
            self.kills += 1
            self._see_dead(below)

    def kill_below(self, name: str) -> None:
        """End those below it whose command line has the name."""
        with self._lock:
            for pid, program in descendants(self.pid).items():
                if name in program:
                    send(pid, signal.SIGKILL)
                    self.kills += 1

    def pause(self, *, whole_tree: bool) -> list[int]:
        """Freeze it, with its children where asked; return what was frozen."""
        with self._lock:
            pids = [self.pid, *(descendants(self.pid) if whole_tree else [])]
            for pid in pids:
                send(pid, signal.SIGSTOP)
            return pids

    def drain(self) -> None:
        """Ask it to end as a rolling restart does, and wait until it has, with status 0 and without children."""
        with self._lock:
            self._wanted = False
            assert self._process is not None
            if self._process.poll() is not None:
                return
            below = descendants(self._process.pid)
            self._process.terminate()
            try:
                status = self._process.wait(_DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._note(f"did not end within {_DRAIN_SECONDS:g} s after SIGTERM")
                self._process.kill()
                self._process.wait()
            else:
                # Before it has said anything it may not have come to taking signals, and holds nothing.
                too_early = status == -signal.SIGTERM and not self.said(self._log_began)
                if status != 0 and not too_early:
                    self._note(f"ended with status {status} after SIGTERM")
            self._see_dead(below)

    def tend(self) -> None:
        """Start it again if it ended although it should run; note that unless there was a reason for it."""
        with self._lock:
            if not self._wanted or self._process is None or (status := self._process.poll()) is None:
                return
            said = self.said(self._log_began).strip().splitlines()
            if not (said and status == 1 and _MAY_REFUSE_TO_START.match(said[-1])):
                self._note(f"ended by itself with status {status}; its last line: {said[-1] if said else ''}")
            self._start()

    def close(self) -> None:
        """End it, whatever state it is in."""
        with self._lock:
            self._wanted = False
            if self._process is not None and self._process.poll() is None:
                for pid in (*descendants(self._process.pid), self._process.pid):
                    send(pid, signal.SIGKILL)
                self._process.wait()

    def said(self, since: int = 0) -> str:
        """What it has written, from a position on."""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._log_began = log.tell()
            self._process = subprocess.Popen(
                self._argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
            self.pids.append(self._process.pid)

    def _see_dead(self, pids: Mapping[int, str]) -> None:
        deadline = time.monotonic() + _FOLLOW_SECONDS
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in filter(is_alive, pids):
            program = pids[pid].replace("\0", " ")
            self._note(f"its child {pid} ({program}) lives {_FOLLOW_SECONDS:g} s after it ended")
            send(pid, signal.SIGKILL)

    def _note(self, what: str) -> None:
        self.mishaps.append(Mishap(self.name, f"{what} (process {self.pid})"))
