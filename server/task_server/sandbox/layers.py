"""What keeps a child apart from the rest of the machine: layers, put on in this order before it reads its job.

A further layer is one more entry of LAYERS. The order matters: what writes to /proc and what needs privileges comes
before the change of user, the parent-death signal after it (the change clears it), and filters of system calls come
last.
"""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from task_server.sandbox import kernel
from task_server.sandbox.limits import Limits

#: "nobody": owns no files and no processes of a service.
_UNPRIVILEGED_ID = 65_534
#: The supervisor kills first; the kernel's timer is for when there is none.
_TIMER_GRACE_SECONDS = 1.0


class LayerMissing(Exception):
    """A required layer could not be put on."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What the layers need to know of the child they are put on."""

    limits: Limits
    #: The process that forked it.
    zygote: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One way of keeping a child apart."""

    #: As the receipt shows it.
    name: str
    #: Puts it on this process and says whether it holds. Raises OSError where the system refuses.
    apply: Callable[[Cell], bool]
    #: Whether no user code may run without it.
    required: bool


def put_on(layers: Sequence[Layer], cell: Cell) -> list[str]:
    """Put the layers on this process, in order, and say which hold.

    Raises LayerMissing at the first required one that does not.
    """
    held = []
    for layer in layers:
        try:
            holds = layer.apply(cell)
        except OSError as error:
            if layer.required:
                message = f"layer {layer.name!r}: {error.strerror}"
                raise LayerMissing(message) from error
            continue
        if holds:
            held.append(layer.name)
        elif layer.required:
            message = f"layer {layer.name!r} does not hold here"
            raise LayerMissing(message)
    return held


def _process_group(_cell: Cell) -> bool:
    os.setsid()
    return True


def _first_to_go(_cell: Cell) -> bool:
    # When memory runs out, the kernel shall kill the run that took it, not the worker beside it.
    descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    try:
        os.write(descriptor, b"1000")
    finally:
        os.close(descriptor)
    return True


def _rlimits(cell: Cell) -> bool:
    limits = cell.limits
    # One second past the wall clock is never reached while somebody watches; it is the net where nobody does.
    cpu = min(limits.cpu_seconds, math.ceil(limits.wall_seconds) + 1)
    _limit(resource.RLIMIT_CPU, cpu, cpu + 1)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_NOFILE, limits.open_files)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MEMLOCK, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)
    # Counts processes of the user id: it holds for every id but 0, also for the one that root changes to below.
    _limit(resource.RLIMIT_NPROC, 0)
    return True


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    # What the operator allowed this service is never raised: that would need a privilege.
    _, ceiling = resource.getrlimit(kind)
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted = min(wanted, ceiling)
    try:
        resource.setrlimit(kind, (min(soft, wanted), wanted))
    except ValueError as error:
        raise OSError(0, str(error)) from error


def _another_user(_cell: Cell) -> bool:
    if os.geteuid() != 0:
        return False
    os.setgroups([])
    os.setresgid(_UNPRIVILEGED_ID, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    os.setresuid(_UNPRIVILEGED_ID, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    return True


def _parent_death(cell: Cell) -> bool:
    kernel.die_with_parent(cell.zygote)
    return True


def _kernel_timer(cell: Cell) -> bool:
    kernel.kill_self_after(cell.limits.wall_seconds + _TIMER_GRACE_SECONDS)
    return True


def _no_new_privileges(_cell: Cell) -> bool:
    kernel.refuse_new_privileges()
    return True


LAYERS: tuple[Layer, ...] = (
    Layer("process_group", _process_group, required=True),
    Layer("oom_score", _first_to_go, required=False),
    Layer("rlimits", _rlimits, required=True),
    Layer("uid", _another_user, required=False),
    Layer("parent_death", _parent_death, required=True),
    Layer("kernel_timer", _kernel_timer, required=False),
    Layer("no_new_privs", _no_new_privileges, required=True),
)
