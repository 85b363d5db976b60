"""The global names of a task."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from RestrictedPython.Guards import guarded_iter_unpack_sequence, guarded_unpack_sequence, safe_builtins

from task_server.sandbox.policy import guards
from task_server.sandbox.policy.modules import import_facade

#: What a task sees as `__name__`.
MODULE_NAME = "function_code"

_MORE_BUILTINS = (
    *("all", "any", "ascii", "bin", "bytes", "classmethod", "dict", "enumerate", "filter", "format", "frozenset"),
    *("iter", "list", "map", "max", "min", "next", "property", "reversed", "set", "sorted", "staticmethod", "sum"),
    *("tuple", "zip", "NotImplemented", "ConnectionError", "FileNotFoundError", "ModuleNotFoundError"),
    *("PermissionError", "RecursionError", "TimeoutError"),
)


def task_globals(log: Callable[[str], None]) -> dict[str, Any]:
    """The globals to run a task's code in; what it prints goes to `log`."""
    names = {name: value for name, value in safe_builtins.items() if not name.endswith("_") or name.startswith("__")}
    names |= {name: getattr(builtins, name) for name in _MORE_BUILTINS}
    names |= {
        "__import__": import_facade,
        "getattr": guards.get_attribute,
        "hasattr": guards.has_attribute,
        "setattr": guards.set_attribute,
        "delattr": guards.delete_attribute,
        "print": _printer(log),
    }
    return {
        "__builtins__": names,
        "__name__": MODULE_NAME,
        "__metaclass__": guards.make_class,
        "_getattr_": guards.get_attribute,
        "_getitem_": guards.get_item,
        "_getiter_": guards.get_iterator,
        "_write_": guards.writable,
        "_inplacevar_": guards.in_place,
        "_apply_": guards.call_with,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
    }


def _printer(log: Callable[[str], None]) -> Callable[..., None]:
    def print_(*objects: Any, sep: str | None = None, end: str | None = None, **others: Any) -> None:
        # `flush` changes nothing: everything is sent at once.
        if others.keys() - {"flush"}:
            message = f"print({min(others)}=...) is not allowed; what is printed becomes the log"
            raise TypeError(message)
        for text in (sep, end):
            if text is not None and type(text) is not str:
                message = "sep and end must be text"
                raise TypeError(message)
        log((" " if sep is None else sep).join(map(str, objects)) + ("\n" if end is None else end))

    return print_
