"""The warm process: `python -I -m task_server.sandbox.zygote RUNNER PARENT [together]`, with the control socket as its stdin.

It has an empty environment, no descriptor but that socket and /proc, one thread, and everything loaded that runs need. Where it
may, it lives in namespaces of its own, without files; `together` forbids that. It forks one child for each request, kills on
request, and reports how each child ended. It never reads a job and never runs user code, so what it reports can be trusted.

A request is one packet {limits, lenient} with three descriptors: the job pipe, the output pipe, and the run's report socket.
On the report socket it says {"pid"} and later {"status", "cpu_seconds", "peak_memory_bytes"}, and takes single letters:
T to ask the child's process group to end, K to kill it. A report socket that is closed at the other end kills its child.
A packet RETIRE is the last request: the process ends with the last of its children.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any, cast

from task_server.sandbox import kernel
from task_server.sandbox.child import Runner, live
from task_server.sandbox.layers import Cell
from task_server.sandbox.limits import Limits
from task_server.sandbox.profile import LENIENT, Confinement

READY = b"ready"
ASK_TO_END = b"T"
KILL = b"K"
RETIRE = b"retire"
#: The third argument of a zygote that stays in the namespaces of its parent.
TOGETHER = "together"
#: As much as the kernel gives at once; what does not fit is seen when the next child ends.
_CHILDREN_BYTES = 1 << 16
_SIGNALS = {ASK_TO_END: signal.SIGTERM, KILL: signal.SIGKILL}


class Zygote:
    """Forks, kills and reaps."""

    def __init__(self, control: socket.socket, runner: Runner, confinement: Confinement, proc: int) -> None:
        self._control = control
        self._runner = runner
        self._confinement = confinement
        self._proc = proc
        self._retired = False
        self._pid = os.getpid()
        self._reports: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        os.set_blocking(self._wakeup, False)
        # Without a handler of Python's the signal would not reach the wake-up pipe.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the supervisor closes the control socket, when whatever still runs is killed, or until the last child of a
        retired zygote has ended.
        """
        self._control.send(READY)
        serving = True
        while serving and (self._reports or not self._retired):
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    serving = self._take_request()
                elif key.fileobj == self._wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wakeup, 4096)
                    self._reap()
                else:
                    self._take_order(cast("int", key.data))
        for pid in list(self._reports):
            _signal_group(pid, signal.SIGKILL)

    def _take_request(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, 65_536, 3)
        if not message:
            return False
        if message == RETIRE:
            self._retired = True
            return True
        if len(descriptors) != 3:
            # This process has none left. The run sees its report socket closed, and the others go on.
            for descriptor in descriptors:
                os.close(descriptor)
            return True
        job, output, report_descriptor = descriptors
        report = socket.socket(fileno=report_descriptor)
        cell = self._cell(json.loads(message))
        try:
            pid = os.fork()
        except OSError as error:
            with contextlib.suppress(OSError):
                report.send(json.dumps({"refused": f"fork: {error.strerror}"}).encode())
            report.close()
        else:
            if pid == 0:
                live(self._runner, cell, job=job, output=output)
            self._reports[pid] = report
            self._selector.register(report, selectors.EVENT_READ, pid)
            with contextlib.suppress(OSError):
                report.send(json.dumps({"pid": pid}).encode())
        os.close(job)
        os.close(output)
        return True

    def _cell(self, request: dict[str, Any]) -> Cell:
        required = LENIENT if request["lenient"] else self._confinement.required
        return Cell(Limits(**request["limits"]), self._pid, self._proc, self._confinement, required)

    def _take_order(self, pid: int) -> None:
        report = self._reports.get(pid)
        if report is None:
            return  # reaped by an earlier event of the same round
        try:
            order = report.recv(1)
        except OSError:
            order = b""
        if order:
            _signal_group(pid, _SIGNALS[order])
            return
        self._selector.unregister(report)
        _signal_group(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                break
            pid = ended.si_pid
            report = self._reports.pop(pid, None)
            if report is not None:
                # Before it is reaped, while its id can not belong to anyone else.
                _signal_group(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            self._kill_strays()
            if report is not None:
                self._report_end(report, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)

    def _report_end(self, report: socket.socket, status: int, cpu_seconds: float, peak_memory: int) -> None:
        body = {"status": status, "cpu_seconds": cpu_seconds, "peak_memory_bytes": peak_memory}
        with contextlib.suppress(OSError):
            report.send(json.dumps(body).encode())
        with contextlib.suppress(KeyError):
            self._selector.unregister(report)
        report.close()

    def _kill_strays(self) -> None:
        """Kill what children left behind: as their subreaper this process is the parent of it now."""
        try:
            children = os.open(f"self/task/{self._pid}/children", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except FileNotFoundError:
            return  # the kernel was built without it; process groups and NPROC remain
        try:
            present = os.read(children, _CHILDREN_BYTES).split()
        finally:
            os.close(children)
        for pid in map(int, present):
            if pid not in self._reports:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    """Signal a child that is not reaped yet, and its process group where it already has one."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, number)


def main(runner_name: str, parent: int, *, separate: bool) -> None:
    """Load the runner and serve."""
    kernel.die_with_parent(parent)
    kernel.adopt_orphans()
    # Stopping is the supervisor's decision; a signal to the whole terminal or container must not end runs early.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    control.set_inheritable(False)
    runner = cast("Runner", importlib.import_module(runner_name))
    runner.prepare()
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    nowhere = os.open(os.devnull, os.O_RDWR)
    confinement = Confinement(runner.PROFILE, proc, separate=separate)
    # Once more: new namespaces clear it.
    kernel.die_with_parent(parent)
    kernel.be_private()
    os.dup2(nowhere, 0)
    os.close(nowhere)
    zygote = Zygote(control, runner, confinement, proc)
    gc.collect()
    gc.freeze()
    # Collecting would touch, and so copy, pages that parent and children share.
    gc.disable()
    zygote.serve()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), separate=TOGETHER not in sys.argv[3:])
