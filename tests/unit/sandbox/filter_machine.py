"""The kernel's filter machine, as far as system call filters use it: it judges calls of processors that are not here."""

from __future__ import annotations

import struct

_DATA = struct.Struct("<iIQ6Q")


def judge(program: bytes, audit: int, call: int, arguments: tuple[int, ...] = ()) -> int:
    """The verdict of a program on a call. Raises AssertionError for what the kernel would not have taken."""
    assert len(program) % 8 == 0
    instructions = list(struct.iter_unpack("<HBBI", program))
    assert 0 < len(instructions) <= 4_096
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = _DATA.pack(call - (1 << 32) if call >= 1 << 31 else call, audit, 0, *padded)
    accumulator, at = 0, 0
    while True:
        code, then, otherwise, constant = instructions[at]
        at += 1
        match code:
            case 0x20:
                assert constant % 4 == 0
                (accumulator,) = struct.unpack_from("<I", data, constant)
            case 0x54:
                accumulator &= constant
            case 0x15:
                at += then if accumulator == constant else otherwise
            case 0x35:
                at += then if accumulator >= constant else otherwise
            case 0x06:
                return constant
            case _:
                raise AssertionError(hex(code))
