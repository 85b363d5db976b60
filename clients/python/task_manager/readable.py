"""Any Python value as JSON that a person can read, for values that were never meant to be JSON: the arguments of a task.

Nothing raises here. What JSON can not say is said in text; what is too much is left out, and the place says so.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Set
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from task_manager import django_project
from task_manager.values import LARGEST_INTEGER

# The service takes 30 levels, and these values stand two below the top of what is sent.
_DEEPEST = 25
# More than these are never within what the service takes; looking at them would only cost time.
_MOST_ITEMS = 50_000


def readable(value: object) -> Any:
    """`value` as None, bool, int, float, str, list or dict that the service takes.

    Times are ISO 8601, decimals, UUIDs and paths their text, sets lists, bytes their text or base64, a model instance its name
    and key. Of any other object only the type is told, since what it says of itself may be a secret.
    """
    try:
        return _readable(value, 0)
    except Exception as error:
        # A foreign object may raise anything when it is looked at.
        return f"<{_type(value)}: {type(error).__name__}>"


def text(value: object) -> str:
    """`value` as text, "" for None."""
    told = readable(value)
    if told is None:
        return ""
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def fitting(value: Any, most_bytes: int) -> Any:
    """`value`, which is JSON, with at most `most_bytes` as such: of a list or dict the largest items are left out."""
    total = _size(value)
    if total <= most_bytes:
        return value
    if not isinstance(value, list | dict):
        return _left_out(total)
    kept = value.copy()
    sizes = {key: _size(each) for key, each in (value.items() if isinstance(value, dict) else enumerate(value))}
    for key, size in sorted(sizes.items(), key=lambda item: -item[1]):
        kept[key] = _left_out(size)
        total -= size - _size(kept[key])
        if total <= most_bytes:
            return kept
    note = _left_out(_size(value))
    return {"": note} if isinstance(value, dict) else [note]


def _readable(value: object, depth: int) -> Any:
    if isinstance(value, Enum):
        return _readable(value.value, depth)
    match value:
        case None | bool():
            return value
        case int():
            return int(value) if abs(value) <= LARGEST_INTEGER else str(int(value))
        case float():
            return float(value) if math.isfinite(value) else str(float(value))
        case str():
            return _text(value)
        case Mapping() | list() | tuple() | Set() if depth >= _DEEPEST:
            return f"<{_type(value)}: nested too deep>"
        case Mapping() | list() | tuple() | Set() if len(value) > _MOST_ITEMS:
            return f"<{_type(value)}: {len(value):,} items>"
        case Mapping():
            return {_key(key): _readable(each, depth + 1) for key, each in value.items()}
        case list() | tuple() | Set():
            return [_readable(each, depth + 1) for each in value]
        case bytes() | bytearray() | memoryview():
            return _of_bytes(bytes(value))
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID() | PurePath() | timedelta():
            return _text(str(value))
        case BaseException():
            return _text(f"{type(value).__name__}: {value}")
        case _:
            told = django_project.text_of(value)
            return f"<{_type(value)}>" if told is None else _text(told)


def _key(key: object) -> str:
    told = _readable(key, _DEEPEST)
    return told if isinstance(told, str) else json.dumps(told)


def _text(text: str) -> str:
    # Half a surrogate pair is no UTF-8, and PostgreSQL keeps no NUL.
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _of_bytes(data: bytes) -> str:
    try:
        return _text(data.decode())
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(data).decode()}"


def _type(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _left_out(size: int) -> str:
    return f"<{size:,} bytes left out>"


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
