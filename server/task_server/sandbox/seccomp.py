"""The system call filter: from a list of allowed calls to a program that the kernel runs at each call (seccomp(2))."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Sequence

from task_server.sandbox import kernel
from task_server.sandbox.architecture import Architecture
from task_server.sandbox.bpf import Assembler
from task_server.sandbox.system_calls import Allowed

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000
#: The call fails with this error and nothing else happens.
REFUSE = 0x00050000 | errno.EPERM

#: Offsets in struct seccomp_data of <linux/seccomp.h>.
_CALL, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ARGUMENT_BYTES = 8
_INSTRUCTION_BYTES = 8


def program(allowed: Sequence[Allowed], architecture: Architecture) -> bytes:
    """The filter for one architecture; a call of any other kills the process.

    Calls that the architecture does not have are left out. Unconditional ones are judged first, in the order of the list.
    """
    code = Assembler()
    code.load(_ARCHITECTURE)
    code.if_equal(architecture.audit, otherwise="kill")
    code.load(_CALL)
    if architecture.foreign_from is not None:
        code.if_at_least(architecture.foreign_from, then="kill")
    known = [entry for entry in allowed if entry.call in architecture.numbers]
    for entry in known:
        if not entry.conditions:
            code.if_equal(architecture.numbers[entry.call], then="allow")
    for index, entry in enumerate(known):
        if entry.conditions:
            _judge_arguments(code, entry, architecture.numbers[entry.call], f"{entry.call} {index}")
    code.answer(REFUSE)
    code.label("allow")
    code.answer(ALLOW)
    code.label("kill")
    code.answer(KILL_PROCESS)
    return code.assemble()


def _judge_arguments(code: Assembler, entry: Allowed, number: int, name: str) -> None:
    """Allow the call where every condition holds, and go on with what is next otherwise."""
    code.if_equal(number, otherwise=f"{name} next")
    for index, condition in enumerate(entry.conditions):
        # Both architectures are little-endian: the lower half comes first.
        code.load(_ARGUMENTS + condition.argument * _ARGUMENT_BYTES)
        code.keep_bits(condition.mask)
        for value in condition.values[:-1]:
            code.if_equal(value, then=f"{name} {index}")
        code.if_equal(condition.values[-1], otherwise=f"{name} failed")
        code.label(f"{name} {index}")
    code.answer(ALLOW)
    code.label(f"{name} failed")
    code.load(_CALL)
    code.label(f"{name} next")


class _Program(ctypes.Structure):
    # struct sock_fprog of <linux/filter.h>.
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A filter that is ready to be put on. Made once, before the forks: making it costs more than the other layers together."""

    def __init__(self, allowed: Sequence[Allowed], architecture: Architecture) -> None:
        text = program(allowed, architecture)
        self._text = ctypes.create_string_buffer(text, len(text))
        self._program = _Program(len(text) // _INSTRUCTION_BYTES, ctypes.cast(self._text, ctypes.c_void_p))

    def put_on(self) -> None:
        """Filter the calls of this thread and of all that it starts, for good. Raises OSError where the kernel can not."""
        kernel.filter_system_calls(ctypes.byref(self._program))
