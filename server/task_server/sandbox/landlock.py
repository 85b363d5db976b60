"""Landlock (landlock(7)): what of the file system, of TCP and of other processes a process can still reach, by its own wish."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Sequence

from task_server.sandbox import kernel

#: The same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE = 1 << 2
#: All rights over files that a version of the kernel's interface knows: each later one has those of the earlier.
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NETWORK_SINCE, _BIND_TCP, _CONNECT_TCP = 4, 1, 2
#: Abstract Unix sockets of processes outside, and signals to them.
_SCOPES_SINCE, _SCOPES = 6, 1 | 2


class _Attributes(ctypes.Structure):
    # struct landlock_ruleset_attr of <linux/landlock.h>.
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    # struct landlock_path_beneath_attr of <linux/landlock.h>.
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of the kernel's interface, 0 where it has none or it is switched off."""
    try:
        return kernel.call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


class Ruleset:
    """Denies everything that the running kernel can deny, but for what is named.

    Parameters:
        readable: files that may be read; those that are not there are left out.
        connects: whether TCP connections may be opened. No port is ever bound.
    """

    def __init__(self, *, readable: Sequence[str] = (), connects: bool = False) -> None:
        self._readable = readable
        self._version = known = version()
        files = sum(rights for since, rights in _FILE_RIGHTS if known >= since)
        network = (_BIND_TCP | (0 if connects else _CONNECT_TCP)) if known >= _NETWORK_SINCE else 0
        self._attributes = _Attributes(files, network, _SCOPES if known >= _SCOPES_SINCE else 0)
        # A kernel refuses a longer structure than it knows where the rest is not 0; here it is, so that any takes all of it.
        self._size = ctypes.sizeof(_Attributes)

    def put_on(self) -> bool:
        """Restrict this thread and all that it starts, for good. False where the kernel has no Landlock.

        Raises OSError where it refuses, as without no_new_privs.
        """
        if not self._version:
            return False
        ruleset = kernel.call(_CREATE_RULESET, ctypes.byref(self._attributes), self._size, 0)
        try:
            for name in self._readable:
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    self._allow(ruleset, name)
            kernel.call(_RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
        return True

    def _allow(self, ruleset: int, name: str) -> None:
        descriptor = os.open(name, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = _PathRule(_READ_FILE, descriptor)
            kernel.call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(descriptor)
