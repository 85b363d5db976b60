"""The guards that rewritten source calls for every access."""

from __future__ import annotations

import operator
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any, cast

from RestrictedPython import Guards

from task_server.sandbox.policy.formatting import safe_format_method
from task_server.sandbox.policy.modules import Facade

#: RestrictedPython gives these no types.
_guarded_getattr = cast("Callable[..., Any]", Guards.safer_getattr_raise)
_guarded_write = cast("Callable[[Any], Any]", Guards.full_write_guard)

#: Refused on every object: the first two walk attributes in C, the others lead to what tasks must not hold.
_DENIED_ATTRIBUTES = frozenset({"format", "format_map", "mro", "with_traceback", "get_field", "vformat"})
#: Never handed out: each of them leads to the interpreter's own names.
_DENIED_TYPES = (ModuleType, FrameType, CodeType, TracebackType)
#: Ordinary containers. Their subclasses are guarded, unless a task made them.
_WRITABLE_TYPES = frozenset({dict, list, deque, Counter, OrderedDict, defaultdict, ChainMap})
#: Classes that a task may not derive from: their instances pass for plain values in C code.
_FINAL_TYPES = (str, bytes, int, float, type)
_MISSING = object()

_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
    "@=": operator.imatmul,
    "<<=": operator.ilshift,
    ">>=": operator.irshift,
    "|=": operator.ior,
    "^=": operator.ixor,
    "&=": operator.iand,
}


class TaskClass(type):
    """The class of the classes that a task defines."""


def make_class(name: str, bases: tuple[Any, ...], body: dict[str, Any], **keywords: Any) -> TaskClass:
    """What a class statement calls."""
    if keywords:
        message = "keyword arguments of classes are not allowed"
        raise TypeError(message)
    for base in bases:
        if isinstance(base, type) and issubclass(base, _FINAL_TYPES):
            message = f"a class may not derive from {base.__name__}; keep the value in an attribute"
            raise TypeError(message)
    return TaskClass(name, bases, body)


def get_attribute(owner: Any, name: str, default: Any = _MISSING) -> Any:
    """What `owner.name` and `getattr` call. Raises AttributeError for what a task may not reach."""
    if type(name) is not str:
        message = "an attribute name must be text"
        raise TypeError(message)
    if type(owner) is str and name in ("format", "format_map"):
        return safe_format_method(owner, name, get_attribute)
    if name in _DENIED_ATTRIBUTES and type(owner) is not Facade:
        message = f"the attribute {name!r} is not allowed"
        raise AttributeError(message)
    if (name == "obj" and isinstance(owner, AttributeError)) or isinstance(owner, _DENIED_TYPES):
        message = f"the attribute {name!r} of this object is not allowed"
        raise AttributeError(message)
    value = _guarded_getattr(owner, name) if default is _MISSING else _guarded_getattr(owner, name, default)
    if isinstance(value, _DENIED_TYPES):
        message = f"the attribute {name!r} of this object is not allowed"
        raise AttributeError(message)
    return value


def has_attribute(owner: Any, name: str) -> bool:
    """What `hasattr` calls: what may not be reached is not there."""
    try:
        get_attribute(owner, name)
    except AttributeError:
        return False
    return True


def set_attribute(owner: Any, name: str, value: Any) -> None:
    """What `setattr` calls."""
    setattr(writable(owner), _plain_name(name), value)


def delete_attribute(owner: Any, name: str) -> None:
    """What `delattr` calls."""
    delattr(writable(owner), _plain_name(name))


def get_item(owner: Any, index: Any) -> Any:
    """What `owner[index]` calls."""
    return owner[index]


def get_iterator(iterable: Any) -> Any:
    """What every loop calls: whatever a task holds it may iterate."""
    return iterable


def writable(owner: Any) -> Any:
    """What every assignment to an attribute or item calls: plain containers, and what a task made itself."""
    kind = type(owner)
    if kind in _WRITABLE_TYPES or kind is TaskClass or type(kind) is TaskClass:
        return owner
    return _guarded_write(owner)


def in_place(operation: str, left: Any, right: Any) -> Any:
    """What `left += right` and its kind call."""
    return _IN_PLACE[operation](left, right)


def call_with(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What a call with `*args` or `**kwargs` calls."""
    return function(*args, **kwargs)


def _plain_name(name: str) -> str:
    if type(name) is not str or name.startswith("_"):
        message = f"the attribute {name!r} can not be set"
        raise AttributeError(message)
    return name
