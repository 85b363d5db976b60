"""The few Linux calls that Python does not offer, by ctypes."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_CHILD_SUBREAPER = 36
_CLOCK_MONOTONIC = 1
_SIGEV_SIGNAL = 0
_PTRACE_SEIZE = 0x4206
_PRIVATE_PAGE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_MAP_FAILED = ctypes.c_void_p(-1).value
#: _LINUX_CAPABILITY_VERSION_3 of <linux/capability.h>.
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.ptrace.restype = ctypes.c_long
_libc.mmap.restype = ctypes.c_void_p


class _SigEvent(ctypes.Structure):
    # struct sigevent of <signal.h>: 64 bytes in all, the rest is for thread notification.
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_char * 48),
    )


class _TimerSpec(ctypes.Structure):
    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends.

    A change of user id clears this, so it comes after (prctl(2)). Ends the process where `parent` has gone already.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind, so that it can kill that too."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def refuse_new_privileges() -> None:
    """No program that this process starts can gain privileges. Also the condition for filters without root."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def kill_self_after(seconds: float) -> None:
    """Have the kernel kill this process after `seconds`, also where nobody watches it any more."""
    event = _SigEvent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
    timer = ctypes.c_void_p()
    _check(_libc.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)), "timer_create")
    whole = int(seconds)
    spec = _TimerSpec(seconds=whole, nanoseconds=int((seconds - whole) * 1e9))
    _check(_libc.timer_settime(timer, 0, ctypes.byref(spec), None), "timer_settime")


def be_private(private: bool = True) -> None:
    """Let no process of the same user read this one's memory or trace it, and leave no core. Ends with exec (PR_SET_DUMPABLE).

    Meanwhile the files of this process in /proc belong to root.
    """
    _prctl(_PR_SET_DUMPABLE, int(not private))


def filter_system_calls(program: Any) -> None:
    """Have the kernel judge every call by this struct sock_fprog, for good."""
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program)


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` (CLONE_NEW*) name for new ones."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """As mount(2)."""
    texts = [text if text is None else text.encode() for text in (source, target, kind)]
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), data if data is None else data.encode()), "mount")


def unmount(target: str, flags: int) -> None:
    """As umount2(2)."""
    _check(_libc.umount2(target.encode(), flags), "umount2")


def drop_capabilities() -> None:
    """Give up all capabilities of this thread, in whatever user namespace it is."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def seize(pid: int) -> None:
    """Begin to trace a process. Raises OSError where that is not allowed."""
    _check(_libc.ptrace(_PTRACE_SEIZE, pid, None, None), "ptrace")


def map_executable() -> None:
    """Take a page of memory from which instructions can be run. Raises OSError where that is not allowed."""
    if (
        _libc.mmap(None, ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC, _PRIVATE_PAGE, -1, 0)
        == _MAP_FAILED
    ):
        _check(-1, "mmap")


def raise_file_limit() -> None:
    """Set the number of descriptors above what is allowed. Raises OSError where that is not possible."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    _check(_libc.setrlimit(resource.RLIMIT_NOFILE, (ctypes.c_ulong * 2)(hard + 1, hard + 1)), "setrlimit")


def call(number: int, *arguments: Any) -> int:
    """A system call by its number, for those that the C library does not have. Raises OSError."""
    return _check(_libc.syscall(ctypes.c_long(number), *map(_word, arguments)), f"system call {number}")


def _word(argument: Any) -> Any:
    # Variadic: what is narrower than a register would leave the rest of it to chance.
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _prctl(option: int, value: int, argument: Any = 0) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), argument, 0, 0), "prctl")


def _check(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result
