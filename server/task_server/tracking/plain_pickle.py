"""Pickles of plain values, read without Python's unpickler: only what JSON has too, and nothing that is looked up or called.

Until 5.6 Celery wrote the results of its database backend as pickles, whatever serializer an app had chosen. Of an app that keeps
to JSON they hold plain values alone, made of the few operations below; whatever needs another one is not read.
"""

from __future__ import annotations

import pickletools
from typing import Any

from task_server.tracking.untrusted_json import UnreadableError

_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
)
_CONTAINERS: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset(("PROTO", "FRAME"))
#: What JSON makes a key of. To hash a tuple goes through all that it holds, which ends the process where that is deep.
_KEYS = (str, int, float, type(None))


def read_pickle(data: bytes) -> Any:
    """The value. Raises UnreadableError for a damaged pickle, and for one that is more than plain values."""
    try:
        return _read(data)
    except UnreadableError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise UnreadableError("it is a damaged pickle") from None


def _read(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for operation, argument, _ in pickletools.genops(data):
        name = operation.name
        if name in _IGNORED:
            continue
        if name == "STOP":
            return stack.pop()
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            stack.append(argument)
        elif name in _CONTAINERS:
            stack.append(_CONTAINERS[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            stack[-_TUPLES[name] :] = [tuple(stack[-_TUPLES[name] :])]
        elif name == "TUPLE":
            stack.append(tuple(_marked(stack)))
        elif name == "APPEND":
            item = stack.pop()
            stack[-1].append(item)
        elif name == "APPENDS":
            items = _marked(stack)
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else _marked(stack)
            if not all(isinstance(key, _KEYS) for key in items[::2]):
                raise UnreadableError("it is a pickle of more than plain values, which is not read")
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        else:
            raise UnreadableError("it is a pickle of more than plain values, which is not read")
    raise UnreadableError("it is a damaged pickle")


def _marked(stack: list[Any]) -> list[Any]:
    """Take what stands above the last mark, and the mark."""
    start = len(stack) - 1
    while stack[start] is not _MARK:
        start -= 1
        if start < 0:
            raise UnreadableError("it is a damaged pickle")
    items = stack[start + 1 :]
    del stack[start:]
    return items
