"""What keeps a child apart from the rest of the machine: layers, put on in this order before it reads its job.

A further layer is one more entry of LAYERS. The order matters: what writes to /proc and what needs privileges comes
before the change of user, the parent-death signal after it (the change clears it), Landlock after no_new_privs, and the filter
of system calls last: it refuses what the others need.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from task_server.sandbox import kernel
from task_server.sandbox.limits import Limits
from task_server.sandbox.profile import Confinement

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
    #: An open directory: /proc.
    proc: int
    confinement: Confinement
    #: The layers without which no job runs.
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class Layer:
    """One way of keeping a child apart."""

    #: As the receipt shows it.
    name: str
    #: Puts it on this process and says whether it holds. Raises OSError where the system refuses.
    apply: Callable[[Cell], bool]


def put_on(layers: Sequence[Layer], cell: Cell) -> list[str]:
    """Put the layers on this process, in order, and say which hold.

    Raises LayerMissing when a required one does not.
    """
    held = list(cell.confinement.held)
    problems = {}
    for layer in layers:
        try:
            holds = layer.apply(cell)
        except OSError as error:
            problems[layer.name] = error.strerror
            continue
        if holds:
            held.append(layer.name)
    for name in sorted(cell.required.difference(held)):
        message = f"layer {name!r}: {problems.get(name, 'does not hold here')}"
        raise LayerMissing(message)
    return held


def _process_group(_cell: Cell) -> bool:
    os.setsid()
    return True


def _first_to_go(cell: Cell) -> bool:
    # When memory runs out, the kernel shall kill the run that took it, not the worker beside it. The file is this user's only
    # while this process is not private.
    kernel.be_private(False)
    try:
        descriptor = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=cell.proc)
        try:
            os.write(descriptor, b"1000")
        finally:
            os.close(descriptor)
    finally:
        kernel.be_private()
    return True


def _rlimits(cell: Cell) -> bool:
    limits = cell.limits
    cpu = limits.within(limits.wall_seconds).cpu_seconds
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


def _landlock(cell: Cell) -> bool:
    return cell.confinement.ruleset.put_on()


def _system_call_filter(cell: Cell) -> bool:
    if cell.confinement.filter is None:
        return False
    cell.confinement.filter.put_on()
    return True


LAYERS: tuple[Layer, ...] = (
    Layer("process_group", _process_group),
    Layer("oom_score", _first_to_go),
    Layer("rlimits", _rlimits),
    Layer("uid", _another_user),
    Layer("parent_death", _parent_death),
    Layer("kernel_timer", _kernel_timer),
    Layer("no_new_privs", _no_new_privileges),
    Layer("landlock", _landlock),
    Layer("seccomp", _system_call_filter),
)
