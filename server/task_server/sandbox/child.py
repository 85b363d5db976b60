"""The first things that a forked child does: let go of everything, put the layers on, only then read its job."""

from __future__ import annotations

import gc
import os
import signal
import traceback
from typing import NoReturn, Protocol

from task_server.sandbox.channel import Channel
from task_server.sandbox.layers import LAYERS, Cell, LayerMissing, put_on
from task_server.sandbox.profile import Profile

#: The reason of a failure that no runner meant to report.
INTERNAL = "INTERNAL"

_EXIT_UNCAGED = 71
_EXIT_BROKEN = 70


class Runner(Protocol):
    """What a child does once its layers are on: a module that a zygote loads by name."""

    #: What it needs of the system.
    PROFILE: Profile

    def prepare(self) -> None:
        """Load whatever runs need, once, in the zygote: a child may be unable to open files."""

    def run(self, job: bytes, channel: Channel) -> None:
        """Do the job and answer through the channel."""


def live(runner: Runner, cell: Cell, *, job: int, output: int) -> NoReturn:
    """Spend the life of a child: it never returns to what the zygote was doing."""
    status = _EXIT_BROKEN
    try:
        _let_go(keep=(job, output, cell.proc))
        channel = Channel(job, output, max_result=cell.limits.result_bytes)
        try:
            held = put_on(LAYERS, cell)
        except LayerMissing as missing:
            channel.uncaged(str(missing))
            status = _EXIT_UNCAGED
        else:
            os.close(cell.proc)
            channel.layers(held)
            gc.enable()
            try:
                runner.run(channel.read_job(), channel)
            except Exception as error:
                # A fault of the runner, not of the job: the worker's log is the only place where it can be seen.
                channel.failure(INTERNAL, repr(error), "".join(traceback.format_exception(error)))
            status = 0
    finally:
        # Past every handler and buffer of the interpreter: they belong to the zygote.
        os._exit(status)


def _let_go(*, keep: tuple[int, ...]) -> None:
    """Reset signals, point the standard streams to nowhere, as the zygote's first does, and close everything but what is kept."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for standard in (1, 2):
        os.dup2(0, standard)
    low = 3
    for kept in sorted(keep):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, 1 << 30)
