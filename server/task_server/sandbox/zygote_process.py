"""The supervisor's side of one zygote process: start it, ask it for forks, end it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict

from task_server.sandbox import kernel
from task_server.sandbox.ending import SandboxUnavailable
from task_server.sandbox.limits import Limits
from task_server.sandbox.zygote import READY, RETIRE, TOGETHER

_COMMAND = (sys.executable, "-I", "-m", "task_server.sandbox.zygote")
#: Loading takes a tenth of a second; a machine under load may take many times as long.
_START_SECONDS = 30.0
#: A zygote answers at once or is not well.
_REQUEST_SECONDS = 10.0


class Retired(Exception):
    """The zygote takes no more runs; another one does."""


class ZygoteProcess:
    """One running zygote. Several threads may ask it for forks.

    Parameters:
        runner: the module that its children run.
        separate: whether it enters namespaces of its own where it may.

    Raises SandboxUnavailable when the process does not come up.
    """

    def __init__(self, runner: str, *, separate: bool = True) -> None:
        self._runner = runner
        self._separate = separate
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._retired = False
        self._started = threading.Event()
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # Where children have the user id of this process, nothing but this keeps one that broke out from its memory.
        kernel.be_private()
        self._failure: OSError | None = None
        # The kernel ends a zygote with the thread that forked it, so that thread must live as long: it is this one, and
        # not whichever happened to ask for the first run.
        self._keeper = threading.Thread(target=self._keep, args=(theirs,), name="sandbox-zygote-keeper", daemon=True)
        self._keeper.start()
        self._started.wait()
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            self._control.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None  # noqa: S101 - set before __init__ returns
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._ended.is_set()

    def fork(self, limits: Limits, descriptors: list[int], *, lenient: bool = False) -> None:
        """Ask for a child with these limits and its job pipe, output pipe and report socket.

        Parameters:
            lenient: whether the job runs although a layer that its runner requires does not hold.

        Raises OSError when the zygote is gone or does not take the request, Retired when it was retired.
        """
        request = json.dumps({"limits": asdict(limits), "lenient": lenient}).encode()
        with self._lock:
            if self._retired:
                raise Retired
            socket.send_fds(self._control, [request], descriptors)

    def retire(self) -> None:
        """Ask for no more forks: it ends when the last of its children has ended."""
        # One that is gone has nothing to retire from.
        with self._lock, contextlib.suppress(OSError):
            self._retired = True
            self._control.send(RETIRE)

    def kill(self) -> None:
        """End it at once; the kernel ends its children with it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self._keeper.join()

    def close(self) -> None:
        """End it and its children, and wait until it is gone."""
        # Not close(): another thread may be about to use the descriptor's number.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._ended.wait(_REQUEST_SECONDS):
            self.kill()
        self._keeper.join()
        with self._lock:
            self._control.close()

    def _keep(self, theirs: socket.socket) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*_COMMAND, self._runner, str(os.getpid()), *(() if self._separate else (TOGETHER,))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._failure = error
        finally:
            theirs.close()
            self._started.set()
        if self._process is not None:
            self._process.wait()
        self._ended.set()

    def _await_ready(self) -> None:
        if self._failure is not None:
            message = f"the sandbox process can not be started: {self._failure.strerror}"
            raise SandboxUnavailable(message)
        self._control.settimeout(_START_SECONDS)
        try:
            ready = self._control.recv(len(READY))
        except TimeoutError:
            message = f"the sandbox process was not ready within {_START_SECONDS:g} s"
            raise SandboxUnavailable(message) from None
        except OSError:
            ready = b""
        if ready != READY:
            message = "the sandbox process ended while it started; its error output says why"
            raise SandboxUnavailable(message)
        self._control.settimeout(_REQUEST_SECONDS)
