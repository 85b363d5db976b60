"""The global names of a task."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from typing import Any

from RestrictedPython.Guards import safe_builtins

from task_server.sandbox.policy import classes, guards, in_place, patterns
from task_server.sandbox.policy.modules import import_facade

#: What a task sees as `__name__`.
MODULE_NAME = "function_code"

_MORE_BUILTINS = (
    *("all", "any", "ascii", "bin", "bytes", "classmethod", "dict", "enumerate", "filter", "format", "frozenset"),
    *("iter", "list", "map", "max", "min", "next", "object", "property", "reversed", "set", "sorted", "staticmethod"),
    *("sum", "tuple", "zip", "NotImplemented", "BlockingIOError", "BrokenPipeError", "ConnectionAbortedError"),
    *("ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "FileExistsError", "FileNotFoundError"),
    *("InterruptedError", "IsADirectoryError", "ModuleNotFoundError", "NotADirectoryError", "PermissionError"),
    *("RecursionError", "StopAsyncIteration", "TimeoutError"),
)


#: Made once: a child that made it anew would touch, and so copy, the memory of each of these functions.
_BUILTINS: dict[str, Any] = {
    **{name: value for name, value in safe_builtins.items() if not name.endswith("_") or name.startswith("__")},
    **{name: getattr(builtins, name) for name in _MORE_BUILTINS},
    "__import__": import_facade,
    "getattr": guards.get_attribute,
    "hasattr": guards.has_attribute,
    "setattr": guards.set_attribute,
    "delattr": guards.delete_attribute,
    "vars": guards.own_attributes,
    "type": classes.TypeOfValues,
}


def task_globals(log: Callable[[str], None]) -> dict[str, Any]:
    """The globals to run a task's code in; what it prints goes to `log`."""
    return {
        "__builtins__": _BUILTINS,
        "__name__": MODULE_NAME,
        "_metaclass_": classes.make_class,
        "_super_": classes.super_of,
        "_getattr_": guards.get_attribute,
        "_special_": guards.get_special,
        "_write_": guards.writable,
        "_inplacevar_": in_place.in_place,
        "_class_pattern_": patterns.class_pattern,
        "_pattern_value_": patterns.PatternValue,
        # No task may bind this name.
        "print": _printer(log),
    }


def _printer(log: Callable[[str], None]) -> Callable[..., None]:
    def print_(*objects: Any, sep: str | None = None, end: str | None = None, file: Any = None, **others: Any) -> None:
        # `flush` changes nothing: everything is sent at once.
        if others.keys() - {"flush"}:
            message = f"print({min(others)}=...) is not allowed; what is printed becomes the log"
            raise TypeError(message)
        if file is not None and type(file) is not io.StringIO:
            message = "print(file=...) is for io.StringIO; without it, what is printed becomes the log"
            raise TypeError(message)
        for text in (sep, end):
            if text is not None and type(text) is not str:
                message = "sep and end must be text"
                raise TypeError(message)
        text = (" " if sep is None else sep).join(map(str, objects)) + ("\n" if end is None else end)
        if file is None:
            log(text)
        else:
            file.write(text)

    return print_
