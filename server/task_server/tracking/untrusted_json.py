"""JSON that others wrote: nothing of it is ever called, imported or unpickled, and what is no JSON for every reader is none."""

from __future__ import annotations

import json
from typing import Any


class UnreadableError(ValueError):
    """What was read is no JSON, or nested too deep. The message says what is the case and has nothing of the content."""


def read_json(data: bytes | str) -> Any:
    """The value. Raises UnreadableError."""
    try:
        return json.loads(data)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except ValueError:
        # Its message could quote the content. What is no UTF-8 is one of them, and so is a number of too many digits.
        raise UnreadableError("it is no JSON") from None


def text(value: Any, longest: int) -> str:
    """The value if it is a text, cut, without what a database does not take; else an empty one."""
    if not isinstance(value, str):
        return ""
    return value[:longest].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
