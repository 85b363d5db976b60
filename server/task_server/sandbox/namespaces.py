"""Namespaces, and an empty root: entered once, by the zygote, for all children that it forks. They cost a run nothing.

A further way of keeping children apart where the kernel lets this process have it: root may, others may where user namespaces
are allowed to them; in containers with the usual filters nobody may. There is no process namespace: it would need a second fork for
each run, and the layers of the child refuse signals and traces already.
"""

from __future__ import annotations

import os

from task_server.sandbox import kernel
from task_server.sandbox.architecture import this_machine

NAMESPACES = "namespaces"
EMPTY_ROOT = "empty_root"

# CLONE_NEW* of <linux/sched.h>.
_MOUNTS, _CGROUPS, _NAMES, _IPC, _USERS, _NETWORK = 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x40000000
# MS_* of <sys/mount.h>.
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
_DETACH = 2
#: It is there, or this process could not have opened it.
_MOUNT_POINT = "/proc"


def enter(proc: int) -> list[str]:
    """Leave the machine's namespaces and files behind, as far as the kernel allows it; say which of the two layers hold.

    To be called when everything is loaded: there are no files afterwards. The namespaces have no network, not even a loopback.

    Parameters:
        proc: an open directory: /proc, which is used after it has gone from sight.
    """
    apart = _MOUNTS | _CGROUPS | _NAMES | _IPC | _NETWORK
    try:
        if os.geteuid() == 0:
            kernel.unshare(apart)
        else:
            _unshare_as_user(apart, proc)
    except OSError:
        return []
    held = [NAMESPACES]
    try:
        _empty_root()
    except OSError:
        pass
    else:
        held.append(EMPTY_ROOT)
    if os.geteuid() != 0:
        # Those that the new user namespace gave; root's go with the change of user, which needs them.
        kernel.drop_capabilities()
    return held


def _unshare_as_user(apart: int, proc: int) -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(_USERS | apart)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        descriptor = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _empty_root() -> None:
    machine = this_machine()
    if machine is None:
        raise OSError(0, "pivot_root has no known number here")
    kernel.mount("none", "/", None, _RECURSIVE | _PRIVATE)
    kernel.mount("none", _MOUNT_POINT, "tmpfs", _READ_ONLY | _NO_SUID | _NO_DEVICES | _NO_EXEC, "size=4k,mode=0555")
    os.chdir(_MOUNT_POINT)
    # The same directory twice: the old root comes to lie over the new one, and is taken away.
    kernel.call(machine.numbers["pivot_root"], b".", b".")
    kernel.unmount(".", _DETACH)
    os.chdir("/")
