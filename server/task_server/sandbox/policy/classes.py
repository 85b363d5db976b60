"""The classes that a task defines, and what it may learn of those it did not."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import inspect
import io
from collections.abc import Callable
from typing import Any

#: Where a class keeps the names that were annotated in its body. No source can spell it.
FIELDS = ".fields"
_ABSTRACT = "__isabstractmethod__"


class TaskClass(type):
    """The class of the classes that a task defines."""


#: TaskClass, and those that derive from it; the exact types that mark what a task made.
TASK_METACLASSES: set[type] = {TaskClass}
#: Makes the classes that derive from a class with a meaning of its own: NamedTuple, TypedDict, Enum.
MAKERS: dict[type, Callable[[str, tuple[Any, ...], dict[str, Any]], Any]] = {}

#: Classes from which a task may derive, with its own, exceptions and named tuples. Of all others the objects pass for
#: plain values in C code, or the class does things when it is derived from.
_BASES = frozenset(
    {object, dict, list, set, collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict}
)
#: Classes that `type(value)` tells of: making one of them gives a plain value.
_TOLD = _BASES | {
    *(
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        tuple,
        frozenset,
        range,
        slice,
        type(None),
        type(...),
        type(NotImplemented),
    ),
    *(collections.ChainMap, decimal.Decimal, fractions.Fraction, io.StringIO),
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
}


def make_class(name: str, bases: tuple[Any, ...], body: dict[str, Any], fields: tuple[str, ...] = ()) -> Any:
    """What a class statement calls. `fields` are the names that its body annotates."""
    body[FIELDS] = fields
    for base in bases:
        maker = _maker_of(base)
        if maker is not None:
            return maker(name, bases, body)
        if not may_be_base(base):
            named = base.__name__ if isinstance(base, type) else repr(base)[:50]
            message = f"a class may not derive from {named}; keep such a value in an attribute"
            raise TypeError(message)
    return with_abstract_methods(TaskClass(name, bases, body))


def _maker_of(base: Any) -> Callable[[str, tuple[Any, ...], dict[str, Any]], Any] | None:
    kinds = base.__mro__ if isinstance(base, type) else ()
    return next((MAKERS[kind] for kind in kinds if kind in MAKERS), None)


def may_be_base(base: Any) -> bool:
    """Whether a task may derive from it."""
    if not isinstance(base, type):
        return False
    return type(base) in TASK_METACLASSES or base in _BASES or issubclass(base, BaseException) or is_named_tuple(base)


def is_named_tuple(kind: type) -> bool:
    """Whether it was made by collections.namedtuple, or derives from such a class."""
    # No task can give a class an attribute of this name.
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def type_of(value: Any) -> type:
    """What `type(value)` calls. Raises TypeError for the type of what is no plain value: a class, a function, a module."""
    kind = type(value)
    if type(kind) in TASK_METACLASSES or kind in _TOLD or issubclass(kind, BaseException) or is_named_tuple(kind):
        return kind
    message = f"the type of a {kind.__name__} is not available; use isinstance or callable"
    raise TypeError(message)


class _TypeOfValues(type):
    """What `type` does in a task: it tells the class of a value, and is what `isinstance(x, type)` asks for."""

    def __call__(cls, *values: Any) -> type:
        """The class of one value; classes are made by class statements."""
        if len(values) != 1:
            message = "type() takes one argument here; write a class statement to make a class"
            raise TypeError(message)
        return type_of(values[0])

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, type)

    def __repr__(cls) -> str:
        return "type"


#: What a task gets as `type`.
TypeOfValues = _TypeOfValues("type", (), {})


def super_of(owner: Any, instance: Any) -> Any:
    """What `super()` calls, with what it means there."""
    if type(owner) not in TASK_METACLASSES:
        message = "super() is for classes of your own"
        raise TypeError(message)
    return super(owner, instance)


#: `abc.ABC`.
AbstractBase = TaskClass("ABC", (), {"__module__": "abc"})


def with_abstract_methods(made: TaskClass) -> TaskClass:
    """Let a class that derives from ABC not be called before every abstract method is defined, as ABCMeta does."""
    if AbstractBase not in made.__mro__[1:]:
        return made
    names = {name for base in made.__mro__[1:] for name in getattr(base, "__abstractmethods__", ())} | set(vars(made))
    abstract = frozenset(
        name for name in names if getattr(inspect.getattr_static(made, name), _ABSTRACT, False) is True
    )
    made.__abstractmethods__ = abstract  # type: ignore[attr-defined]
    return made


class NamedTupleBase:
    """`typing.NamedTuple`, as a base."""


class TypedDictBase:
    """`typing.TypedDict`, as a base: its classes make plain dicts, as Python's do."""


def _named_tuple_class(name: str, bases: tuple[Any, ...], body: dict[str, Any]) -> Any:
    fields = body[FIELDS]
    defaults = [body.pop(field) for field in fields if field in body]
    plain = collections.namedtuple(name, fields, defaults=defaults)  # type: ignore[misc]
    if bases != (NamedTupleBase,):
        message = "a class that derives from NamedTuple may derive from nothing else"
        raise TypeError(message)
    return TaskClass(name, (plain,), body)


def _typed_dict_class(_name: str, _bases: tuple[Any, ...], _body: dict[str, Any]) -> Any:
    return dict


MAKERS[NamedTupleBase] = _named_tuple_class
MAKERS[TypedDictBase] = _typed_dict_class
