"""What a child sends to its supervisor: frames of one letter, a length and a payload.

Everything after the first frame is written by a process that has run user code, so the reader checks every letter and
every length, and believes nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum

_HEADER = struct.Struct(">cI")
#: One frame of printed text; longer text is sent in several.
MAX_LOG_FRAME = 64 * 1024
#: The layers, or a failure with its traceback.
MAX_SMALL_FRAME = 128 * 1024


class FrameKind(Enum):
    """What the payload of a frame is."""

    #: JSON list: the names of the layers that hold. The first frame, sent before the child has seen any user code.
    LAYERS = b"H"
    #: Text that says why a required layer could not be put on. The first and only frame.
    UNCAGED = b"U"
    #: Printed text, UTF-8.
    LOG = b"L"
    #: The result, as JSON text.
    RESULT = b"R"
    #: JSON object {reason, error, traceback}.
    FAILURE = b"F"


class BrokenFrame(Exception):
    """The child sent something that is no frame."""


class ResultTooLarge(Exception):
    """The child sent a larger result than it may."""


def frame(kind: FrameKind, payload: bytes) -> bytes:
    """One frame as it goes through the pipe."""
    return _HEADER.pack(kind.value, len(payload)) + payload


class FrameReader:
    """Cuts what comes out of the pipe into frames, and never holds more than one frame of the greatest size."""

    def __init__(self, max_result: int) -> None:
        self._buffer = bytearray()
        self._most = {
            FrameKind.LAYERS: MAX_SMALL_FRAME,
            FrameKind.UNCAGED: MAX_SMALL_FRAME,
            FrameKind.LOG: MAX_LOG_FRAME,
            FrameKind.RESULT: max_result,
            FrameKind.FAILURE: MAX_SMALL_FRAME,
        }

    def feed(self, data: bytes) -> Iterator[tuple[FrameKind, bytes]]:
        """The frames that `data` completes, one at a time: what comes before broken ones counts.

        Raises BrokenFrame for an unknown letter or a length above what the kind may have, and ResultTooLarge.
        """
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            letter, length = _HEADER.unpack_from(self._buffer)
            try:
                kind = FrameKind(letter)
            except ValueError:
                message = f"unknown frame {letter!r}"
                raise BrokenFrame(message) from None
            if length > self._most[kind]:
                if kind is FrameKind.RESULT:
                    raise ResultTooLarge
                message = f"a {kind.name} frame of {length} bytes"
                raise BrokenFrame(message)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield kind, payload
