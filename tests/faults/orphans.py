"""Processes whose parents are gone: as their subreaper (prctl(2)) the harness becomes the parent of all of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable

from tests.processes import children, command_line, is_alive, send

_PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of whatever the descendants of this process leave behind. Linux only."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def end_adopted(known: Iterable[int]) -> dict[int, str]:
    """End the children of this process that it did not start itself; return those that still lived, with their programs."""
    living: dict[int, str] = {}
    for pid in set(children(os.getpid())) - set(known):
        if is_alive(pid):
            living[pid] = command_line(pid).replace("\0", " ").strip()
            send(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return living
