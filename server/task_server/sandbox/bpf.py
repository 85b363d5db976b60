"""Programs of the kernel's packet filter, which also judge system calls: instructions with labels, assembled to bytes."""

from __future__ import annotations

import struct

#: Load the 32-bit word at an offset of what is judged.
_LOAD = 0x20
#: Jump when the loaded word equals the constant, or is at least as large.
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
#: Reduce the loaded word to the bits of the constant.
_AND = 0x54
_RETURN = 0x06
_INSTRUCTION = struct.Struct("=HBBI")
_MAX_JUMP = 255


class Assembler:
    """Collects instructions; jumps go forward, to labels that are set later."""

    def __init__(self) -> None:
        self._code: list[tuple[int, str, str, int]] = []
        self._labels: dict[str, int] = {}

    def load(self, offset: int) -> None:
        """Load the word at `offset`."""
        self._code.append((_LOAD, "", "", offset))

    def keep_bits(self, mask: int) -> None:
        """Clear all other bits of the loaded word."""
        self._code.append((_AND, "", "", mask))

    def if_equal(self, value: int, then: str = "", otherwise: str = "") -> None:
        """Jump to a label by whether the loaded word is `value`; an empty label is the next instruction."""
        self._code.append((_IF_EQUAL, then, otherwise, value))

    def if_at_least(self, value: int, then: str) -> None:
        """Jump when the loaded word is `value` or more."""
        self._code.append((_IF_AT_LEAST, then, "", value))

    def answer(self, verdict: int) -> None:
        """End with this verdict."""
        self._code.append((_RETURN, "", "", verdict))

    def label(self, name: str) -> None:
        """Name the next instruction. Raises ValueError for a name that is taken."""
        if name in self._labels:
            message = f"the label {name!r} is set twice"
            raise ValueError(message)
        self._labels[name] = len(self._code)

    def assemble(self) -> bytes:
        """The program, as struct sock_filter of <linux/filter.h> lies in memory.

        Raises KeyError for a label that is not set, ValueError for a jump that is too far or goes back.
        """
        return b"".join(
            _INSTRUCTION.pack(code, self._distance(at, then), self._distance(at, otherwise), value)
            for at, (code, then, otherwise, value) in enumerate(self._code)
        )

    def _distance(self, at: int, label: str) -> int:
        if not label:
            return 0
        distance = self._labels[label] - at - 1
        if not 0 <= distance <= _MAX_JUMP:
            message = f"{label!r} is {distance} instructions away; a jump goes 0 to {_MAX_JUMP} forward"
            raise ValueError(message)
        return distance
