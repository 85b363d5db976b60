"""The few Linux calls that Python does not offer, by ctypes."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_CHILD_SUBREAPER = 36
_CLOCK_MONOTONIC = 1
_SIGEV_SIGNAL = 0

_libc = ctypes.CDLL(None, use_errno=True)


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


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
