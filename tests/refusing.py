"""`python -m tests.refusing WHAT,... PROGRAM ARGUMENT...`: runs a program to which the kernel refuses some calls.

By a filter of this very kind, so it is as on a machine where they are not allowed: `seccomp` filters, `landlock`, `namespaces`.
"""

from __future__ import annotations

import ctypes
import os
import sys

from task_server.sandbox import kernel
from task_server.sandbox.architecture import X86_64, this_machine
from task_server.sandbox.bpf import Assembler
from task_server.sandbox.seccomp import ALLOW, REFUSE

_PRCTL, _SECCOMP, _UNSHARE = (157, 317, 272) if this_machine() is X86_64 else (167, 277, 97)
_PR_SET_SECCOMP = 22
_CALL, _FIRST_ARGUMENT = 0, 16


def main(refused, program):
    """Put the filter on and become the program."""
    code = Assembler()
    code.load(_CALL)
    if "landlock" in refused:
        code.if_at_least(447, then="allow")
        code.if_at_least(444, then="refuse")
    if "namespaces" in refused:
        code.if_equal(_UNSHARE, then="refuse")
    if "seccomp" in refused:
        code.if_equal(_SECCOMP, then="refuse")
        code.if_equal(_PRCTL, otherwise="allow")
        code.load(_FIRST_ARGUMENT)
        code.if_equal(_PR_SET_SECCOMP, then="refuse")
    code.label("allow")
    code.answer(ALLOW)
    code.label("refuse")
    code.answer(REFUSE)
    text = code.assemble()
    kernel.refuse_new_privileges()
    kernel.filter_system_calls(ctypes.byref(Program(text)))
    os.execvp(program[0], program)


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    def __init__(self, text):
        self.text = ctypes.create_string_buffer(text, len(text))
        super().__init__(len(text) // 8, ctypes.cast(self.text, ctypes.c_void_p))


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
