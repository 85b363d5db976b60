"""The child's side of the pipes: it reads its job and writes frames."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from task_server.sandbox.frames import MAX_LOG_FRAME, MAX_SMALL_FRAME, FrameKind, frame

_MAX_ERROR_CHARACTERS = 2_000
_MAX_TRACEBACK_CHARACTERS = 16_000


class Channel:
    """What a runner has to talk through. It uses nothing but read and write, so that a system call filter may be tight."""

    def __init__(self, job: int, output: int, *, max_result: int) -> None:
        self._job = job
        self._output = output
        #: The largest result that the supervisor takes, in bytes.
        self.max_result = max_result

    def read_job(self) -> bytes:
        """Everything that the supervisor has to say."""
        parts = []
        while part := os.read(self._job, 65_536):
            parts.append(part)
        return b"".join(parts)

    def layers(self, names: Sequence[str]) -> None:
        """Tell which layers hold."""
        self.write(frame(FrameKind.LAYERS, json.dumps(list(names)).encode()))

    def uncaged(self, why: str) -> None:
        """Tell that a required layer could not be put on."""
        self.write(frame(FrameKind.UNCAGED, why.encode("utf-8", "replace")[:MAX_SMALL_FRAME]))

    def log(self, text: str) -> None:
        """Send printed text, at once."""
        data = text.encode("utf-8", "backslashreplace")
        while data:
            end = _whole_characters(data, MAX_LOG_FRAME)
            self.write(frame(FrameKind.LOG, data[:end]))
            data = data[end:]

    def result(self, json_text: bytes) -> None:
        """Send the result."""
        self.write(frame(FrameKind.RESULT, json_text))

    def failure(self, reason: str, error: str, traceback: str = "") -> None:
        """Send what went wrong."""
        self.write(failure_frame(reason, error, traceback))

    def write(self, data: bytes) -> None:
        """Write frames as they are."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]


def failure_frame(reason: str, error: str, traceback: str = "") -> bytes:
    """A FAILURE frame. Made in advance where there may be no memory left to make it."""
    body = {
        "reason": reason,
        "error": error[:_MAX_ERROR_CHARACTERS],
        "traceback": traceback[:_MAX_TRACEBACK_CHARACTERS],
    }
    return frame(FrameKind.FAILURE, json.dumps(body).encode())


def _whole_characters(data: bytes, most: int) -> int:
    """The greatest length up to `most` that does not cut a UTF-8 character."""
    end = min(most, len(data))
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return end
