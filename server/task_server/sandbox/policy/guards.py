"""The guards that rewritten source calls: for every attribute, and for everything that it changes.

Items, iteration and calls are left to the interpreter. Whatever a task holds it may index, iterate and call; what it must
not hold is kept from it here.
"""

from __future__ import annotations

import builtins
import zoneinfo
from abc import ABCMeta
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from decimal import Context
from types import CodeType, CoroutineType, FrameType, GeneratorType, GenericAlias, ModuleType, TracebackType
from typing import Any

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

from task_server.sandbox.policy.classes import TASK_METACLASSES, is_named_tuple, type_of
from task_server.sandbox.policy.facade import Facade
from task_server.sandbox.policy.formatting import safe_format_method
from task_server.sandbox.policy.vocabulary import (
    NAMED_TUPLE_ATTRIBUTES,
    SPECIAL_METHODS,
    TEXT_ATTRIBUTES,
    is_special,
    private_name,
    shown_name,
)

#: Never handed out: each of them leads to the interpreter's own names.
_DENIED_TYPES = (ModuleType, FrameType, CodeType, TracebackType)
#: Of these no attribute is read. `list[int]` passes what it is asked on to `list`, past what is said of classes here.
_CLOSED_TYPES = (*_DENIED_TYPES, GenericAlias)
#: Refused on every object but a facade: they walk attributes in C, or lead to what tasks must not hold.
DENIED_ATTRIBUTES = frozenset({"format", "format_map", "get_field", "get_value", "vformat", "mro", "with_traceback"})
#: Refused on some types: what holds the object that was being looked at, changes what isinstance says for everyone, or
#: reads files.
_DENIED_OF_TYPE: dict[str, type] = {
    "obj": AttributeError,
    "register": ABCMeta,
    "from_file": zoneinfo.ZoneInfo,
    "no_cache": zoneinfo.ZoneInfo,
    "clear_cache": zoneinfo.ZoneInfo,
}
_LOOKED_AT = INSPECT_ATTRIBUTES | DENIED_ATTRIBUTES | _DENIED_OF_TYPE.keys()
#: Frames and code hang on these; nothing else of them is of use.
_GENERATOR_TYPES = (GeneratorType, CoroutineType)
_GENERATOR_ATTRIBUTES = frozenset({"close", "send", "throw"})
#: Functions that undo all of this, should anything lead to one of them. They live as long as the interpreter.
_DENIED_VALUES = frozenset(
    id(getattr(builtins, name))
    for name in (
        *("open", "exec", "eval", "compile", "__import__", "vars", "globals", "locals", "breakpoint", "input"),
        *("getattr", "setattr", "delattr", "dir", "type", "super", "memoryview", "__build_class__"),
    )
)
#: Ordinary containers, and what sets the precision of decimals. Their subclasses are not, unless a task made them.
_WRITABLE_TYPES = frozenset({dict, list, deque, Counter, OrderedDict, defaultdict, ChainMap, Context})
_MISSING = object()


def get_attribute(owner: Any, name: str, default: Any = _MISSING) -> Any:
    """What `owner.name` and `getattr` call. Raises AttributeError for what a task may not reach."""
    if type(name) is not str:
        message = "an attribute name must be text"
        raise TypeError(message)
    if name[:1] in ("_", "."):
        return _underscored(owner, name, default)
    if name in _LOOKED_AT:
        if type(owner) is str and name in ("format", "format_map"):
            return safe_format_method(owner, name, get_attribute)
        _refuse_denied(owner, name)
    if isinstance(owner, _CLOSED_TYPES) or (isinstance(owner, _GENERATOR_TYPES) and name not in _GENERATOR_ATTRIBUTES):
        raise _not_allowed(name, " of this object")
    value = getattr(owner, name) if default is _MISSING else getattr(owner, name, default)
    if isinstance(value, _DENIED_TYPES) or id(value) in _DENIED_VALUES or _is_metaclass(value):
        raise _not_allowed(name, " of this object")
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
    setattr(writable(owner), _name_to_set(name), value)


def delete_attribute(owner: Any, name: str) -> None:
    """What `delattr` calls."""
    delattr(writable(owner), _name_to_set(name))


def own_attributes(owner: Any) -> dict[str, Any]:
    """What `vars` calls: a copy of the attributes of an object of a task's class."""
    if type(type(owner)) not in TASK_METACLASSES:
        message = "vars() is for objects of your own classes"
        raise TypeError(message)
    return {shown_name(name): value for name, value in object.__getattribute__(owner, "__dict__").items()}


def writable(owner: Any) -> Any:
    """What every assignment to an attribute or item calls: plain containers, and what a task made itself."""
    kind = type(owner)
    if kind in _WRITABLE_TYPES or kind in TASK_METACLASSES or type(kind) in TASK_METACLASSES:
        return owner
    message = (
        f"an object of type {kind.__name__!r} can not be changed; keep the value in a dict, or in a class of your own"
    )
    raise TypeError(message)


def get_special(owner: Any, name: str) -> Any:
    """What `owner.__class__` and its kind call, in source only: by a text, as `getattr` has it, they are not to be had."""
    if type(owner) is super and name in SPECIAL_METHODS:
        return getattr(owner, name)
    if name == "__init__" and (type(owner) in TASK_METACLASSES or _is_exception_class(owner)):
        return getattr(owner, name)
    if name in ("__class__", "__dict__"):
        try:
            return type_of(owner) if name == "__class__" else own_attributes(owner)
        except TypeError as error:
            message = f"{name}: {error}"
            raise AttributeError(message) from None
    raise _not_allowed(name, " of this object")


def _underscored(owner: Any, name: str, default: Any) -> Any:
    """The attributes whose names begin with an underscore: private ones, and text that all classes and functions have."""
    if name in TEXT_ATTRIBUTES:
        value = type.__dict__[name].__get__(owner) if isinstance(owner, type) else getattr(owner, name, _MISSING)
        if type(value) is str or (value is None and name == "__doc__"):
            return value and shown_name(value)
        if default is not _MISSING:
            return default
        raise _not_allowed(name, " of this object")
    if name in NAMED_TUPLE_ATTRIBUTES and is_named_tuple(owner if isinstance(owner, type) else type(owner)):
        return getattr(owner, name)
    if is_special(name) or (name.startswith(".") and not name.startswith("._")):
        raise _not_allowed(name)
    private = name if name.startswith(".") else private_name(name)
    return getattr(owner, private) if default is _MISSING else getattr(owner, private, default)


def _refuse_denied(owner: Any, name: str) -> None:
    kind = _DENIED_OF_TYPE.get(name)
    if kind is not None:
        if isinstance(owner, kind) or (isinstance(owner, type) and issubclass(owner, kind)):
            raise _not_allowed(name, " of this object")
    elif type(owner) is not Facade:
        raise _not_allowed(name)


def _is_exception_class(owner: Any) -> bool:
    return isinstance(owner, type) and issubclass(owner, BaseException)


def _is_metaclass(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, type)


def _name_to_set(name: str) -> str:
    if type(name) is not str or is_special(name) or name.startswith("."):
        message = f"the attribute {name!r} can not be set"
        raise AttributeError(message)
    return private_name(name) if name.startswith("_") and name != "_" else name


def _not_allowed(name: str, of: str = "") -> AttributeError:
    return AttributeError(f"the attribute {name!r}{of} is not allowed")
