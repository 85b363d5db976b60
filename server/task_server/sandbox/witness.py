"""What a child says about its run, within limits."""

from __future__ import annotations

import json
from collections.abc import Callable

from task_server.sandbox.ending import ChildFailure
from task_server.sandbox.frames import MAX_SMALL_FRAME, BrokenFrame, FrameKind, FrameReader
from task_server.sandbox.limits import Limits


class TooMuchOutput(Exception):
    """The child printed more than it may."""


class Witness:
    """Collects what a child says. Printed text goes on at once, everything else is kept for the end.

    No more is ever held than the limits and one frame.
    """

    def __init__(self, limits: Limits, log: Callable[[str], None]) -> None:
        self._reader = FrameReader(max_result=limits.result_bytes)
        self._log = log
        self._output_left = limits.output_bytes
        #: The layers that hold, None until the child has said so.
        self.layers: tuple[str, ...] | None = None
        #: Why the child ran without a required layer, and so ran nothing.
        self.refusal = ""
        self.result: bytes | None = None
        self.failure: ChildFailure | None = None

    def hear(self, data: bytes) -> None:
        """Take bytes from the pipe.

        Raises TooMuchOutput, after what still fits was handed on, and BrokenFrame.
        """
        for kind, payload in self._reader.feed(data):
            if self.layers is None:
                self._hear_first(kind, payload)
            elif kind is FrameKind.LOG:
                self._print(payload)
            elif kind is FrameKind.RESULT and self.result is None:
                self.result = payload
            elif kind is FrameKind.FAILURE and self.failure is None:
                self.failure = _failure(payload)
            else:
                message = f"a second {kind.name} frame"
                raise BrokenFrame(message)

    def _hear_first(self, kind: FrameKind, payload: bytes) -> None:
        # Written before the child has read its job: the only thing it says that can be believed.
        if kind is FrameKind.UNCAGED:
            self.refusal = payload.decode("utf-8", "replace")
        elif kind is FrameKind.LAYERS:
            self.layers = tuple(json.loads(payload))
        else:
            message = f"a {kind.name} frame before the layers"
            raise BrokenFrame(message)

    def _print(self, payload: bytes) -> None:
        if not payload:
            # No honest child sends it, and no limit would ever end a flood of it.
            message = "a LOG frame of nothing"
            raise BrokenFrame(message)
        fits = payload[: self._output_left]
        self._output_left -= len(payload)
        if fits:
            self._log(storable(fits.decode("utf-8", "ignore" if len(fits) < len(payload) else "replace")))
        if self._output_left < 0:
            raise TooMuchOutput


def storable(text: str) -> str:
    """The text without the one character that databases do not take."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def _failure(payload: bytes) -> ChildFailure:
    try:
        body = json.loads(payload)
        texts = [body[name] for name in ("reason", "error", "traceback")]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        message = "a FAILURE frame that is none"
        raise BrokenFrame(message) from error
    if any(type(text) is not str or len(text) > MAX_SMALL_FRAME for text in texts):
        message = "a FAILURE frame with something else than text"
        raise BrokenFrame(message)
    reason, error_text, traceback = (_without_surrogates(storable(text)) for text in texts)
    return ChildFailure(reason, error_text, traceback)


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
