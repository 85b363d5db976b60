"""An exception of a task, as its author wants to see it: their own lines and nothing of ours."""

from __future__ import annotations

import re
from types import TracebackType

from task_server.sandbox.policy.compiler import FILE_NAME, source_lines
from task_server.sandbox.policy.vocabulary import shown_name

_MAX_MESSAGE_CHARACTERS = 1_000
_MAX_LINE_CHARACTERS = 200
#: Frames shown at either end of a long stack.
_FRAMES_SHOWN = 10
#: Exceptions shown of a chain.
_CHAIN_SHOWN = 4
#: How a private name of a task begins inside: with a dot that nothing stands before.
_PRIVATE = re.compile(r"(?<![\w\])])\.(?=_)")
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def error_text(error: BaseException) -> str:
    """`ValueError: bad`, or `ValueError` where there is no message. Never raises."""
    name = shown_name(str(type.__getattribute__(type(error), "__name__")))[:100]
    try:
        message = _PRIVATE.sub("", str(error)[:_MAX_MESSAGE_CHARACTERS])
    except BaseException as failure:
        # Written by the task: it may raise anything, also what no handler expects.
        message = f"<its message can not be made: {type.__getattribute__(type(failure), '__name__')}>"
    return f"{name}: {message}" if message else name


def traceback_text(error: BaseException, source: str) -> str:
    """The stack of `error` and of what led to it, reduced to the frames of `source`."""
    lines = source_lines(source)
    parts: list[str] = []
    current: BaseException | None = error
    seen: set[int] = set()
    link = ""
    while current is not None and id(current) not in seen and len(seen) < _CHAIN_SHOWN:
        seen.add(id(current))
        parts[:0] = [_stack_text(current, lines)] + ([link] if link else [])
        if current.__cause__ is not None:
            current, link = current.__cause__, _CAUSE
        elif not current.__suppress_context__:
            current, link = current.__context__, _CONTEXT
        else:
            current = None
    return "\n\n".join(parts) + "\n"


def _stack_text(error: BaseException, lines: list[str]) -> str:
    frames = list(_user_frames(error.__traceback__))
    text = ["Traceback (most recent call last):"]
    hidden = len(frames) - 2 * _FRAMES_SHOWN
    for index, (number, function) in enumerate(frames):
        if hidden > 0 and index == _FRAMES_SHOWN:
            text.append(f"  [{hidden} more calls]")
        if hidden > 0 and _FRAMES_SHOWN <= index < _FRAMES_SHOWN + hidden:
            continue
        text.append(f'  File "{FILE_NAME}", line {number}, in {function}')
        if 0 < number <= len(lines):
            text.append(f"    {lines[number - 1].strip()[:_MAX_LINE_CHARACTERS]}")
    return "\n".join([*text, error_text(error)])


def _user_frames(traceback: TracebackType | None) -> list[tuple[int, str]]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILE_NAME:
            frames.append((traceback.tb_lineno or 0, shown_name(code.co_name)))
        traceback = traceback.tb_next
    return frames
