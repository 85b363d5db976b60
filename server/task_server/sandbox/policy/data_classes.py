"""`dataclasses`, for classes of a task.

Python's own writes source text and compiles it; here the methods are closures over the fields, so there is nothing to
slip code into. It knows what tasks use: no InitVar, no slots, no make_dataclass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from task_server.sandbox.policy.classes import FIELDS, TASK_METACLASSES
from task_server.sandbox.policy.vocabulary import shown_name

#: Where a data class keeps its fields, by name. No source can spell it.
_DATA_FIELDS = ".data_fields"


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class FrozenInstanceError(AttributeError):
    """Somebody sets a field of a frozen data class."""


class Field:
    """One field of a data class."""

    __slots__ = ("compare", "default", "default_factory", "init", "key", "kw_only", "repr")

    def __init__(
        self,
        *,
        default: Any = MISSING,
        default_factory: Any = MISSING,
        init: bool = True,
        repr: bool = True,  # noqa: A002 - the name that tasks give it by
        compare: bool = True,
        kw_only: bool = False,
    ) -> None:
        if default is not MISSING and default_factory is not MISSING:
            message = "cannot specify both default and default_factory"
            raise ValueError(message)
        self.key = ""
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare
        self.kw_only = kw_only

    @property
    def name(self) -> str:
        """As its author wrote it."""
        return shown_name(self.key)

    def first_value(self) -> Any:
        """What the field has where nobody gives it a value."""
        return self.default if self.default_factory is MISSING else self.default_factory()


def dataclass(
    kind: Any = None,
    /,
    *,
    init: bool = True,
    repr: bool = True,  # noqa: A002 - the name that tasks give it by
    eq: bool = True,
    order: bool = False,
    unsafe_hash: bool = False,
    frozen: bool = False,
    kw_only: bool = False,
    slots: bool = False,  # noqa: ARG001 - would only save memory
) -> Any:
    """The decorator. `slots` changes nothing here."""

    def decorate(kind: Any) -> Any:
        if type(kind) not in TASK_METACLASSES:
            message = "dataclass is for classes of your own"
            raise TypeError(message)
        fields = _fields_of(kind, kw_only=kw_only)
        methods: dict[str, Any] = {}
        if init:
            methods["__init__"] = _init(kind, fields)
        if repr:
            methods["__repr__"] = _repr
        if eq:
            methods["__eq__"] = _comparison(lambda left, right: left == right)
        if order:
            methods |= {
                "__lt__": _comparison(lambda left, right: left < right),
                "__le__": _comparison(lambda left, right: left <= right),
                "__gt__": _comparison(lambda left, right: left > right),
                "__ge__": _comparison(lambda left, right: left >= right),
            }
        if frozen:
            methods |= {"__setattr__": _frozen, "__delattr__": _frozen}
        if eq or unsafe_hash:
            methods["__hash__"] = _hash if frozen or unsafe_hash else None
        for name, method in methods.items():
            # A class that has an `__eq__` and no `__hash__` has None for it.
            if vars(kind).get(name) is None:
                type.__setattr__(kind, name, method)
        type.__setattr__(kind, _DATA_FIELDS, fields)
        names = tuple(name for name, field in fields.items() if field.init and not field.kw_only)
        type.__setattr__(kind, "__match_args__", names)
        return kind

    return decorate if kind is None else decorate(kind)


def field(**options: Any) -> Any:
    """`field(default=..., default_factory=..., init=..., repr=..., compare=..., kw_only=...)`."""
    unknown = options.keys() - {"default", "default_factory", "init", "repr", "compare", "kw_only", "hash", "metadata"}
    if unknown:
        message = f"field() has no argument {min(unknown)!r}"
        raise TypeError(message)
    options.pop("hash", None)
    options.pop("metadata", None)
    return Field(**options)


def is_dataclass(value: Any) -> bool:
    """Whether it is a data class or an object of one."""
    kind = value if isinstance(value, type) else type(value)
    return type(kind) in TASK_METACLASSES and hasattr(kind, _DATA_FIELDS)


def fields(value: Any) -> tuple[Field, ...]:
    """The fields of a data class or of an object of one."""
    return tuple(_data_fields(value).values())


def asdict(value: Any) -> dict[str, Any]:
    """The fields and their values as a dict, and so within."""
    _data_fields(value)
    made: dict[str, Any] = _plain(value, as_dict=True)
    return made


def astuple(value: Any) -> tuple[Any, ...]:
    """The values of the fields, and so within."""
    _data_fields(value)
    made: tuple[Any, ...] = _plain(value, as_dict=False)
    return made


def replace(value: Any, /, **changes: Any) -> Any:
    """A new object with other values of some fields."""
    for name, one in _data_fields(value).items():
        if one.init and name not in changes:
            changes[name] = getattr(value, name)
    return type(value)(**changes)


def _fields_of(kind: type, *, kw_only: bool) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for base in reversed(kind.__mro__[1:]):
        found |= vars(base).get(_DATA_FIELDS, {})
    for key in vars(kind).get(FIELDS, ()):
        default = vars(kind).get(key, MISSING)
        one = default if type(default) is Field else Field(default=default)
        if type(one.default) in (list, dict, set):
            message = (
                f"mutable default {type(one.default)} for field {shown_name(key)} is not allowed: use default_factory"
            )
            raise ValueError(message)
        one.key = key
        one.kw_only = one.kw_only or kw_only
        if one is default and one.default is MISSING:
            type.__delattr__(kind, key)
        elif one is default:
            type.__setattr__(kind, key, one.default)
        found[key] = one
    return found


def _init(kind: type, fields: dict[str, Field]) -> Callable[..., None]:
    kind_name = kind.__name__
    positional = [name for name, one in fields.items() if one.init and not one.kw_only]
    settable = {name for name, one in fields.items() if one.init}
    optional = False
    for name in positional:
        has_default = fields[name].default is not MISSING or fields[name].default_factory is not MISSING
        if optional and not has_default:
            message = f"non-default argument {shown_name(name)!r} follows default argument"
            raise TypeError(message)
        optional = has_default

    def __init__(self: Any, /, *args: Any, **values: Any) -> None:  # noqa: N807 - what it becomes
        if kind not in type(self).__mro__:
            # A task can call it as `Kind.__init__(anything)`, and what follows writes past every guard.
            message = f"{shown_name(kind_name)}.__init__() is for objects of that class"
            raise TypeError(message)
        if len(args) > len(positional):
            message = f"{shown_name(kind_name)} takes {len(positional)} positional arguments but {len(args)} were given"
            raise TypeError(message)
        for name, value in zip(positional, args, strict=False):
            if name in values:
                message = f"{shown_name(kind_name)} got multiple values for argument {name!r}"
                raise TypeError(message)
            values[name] = value
        unexpected = [name for name in values if name not in settable]
        if unexpected:
            message = f"{shown_name(kind_name)} got an unexpected keyword argument {unexpected[0]!r}"
            raise TypeError(message)
        for name, one in fields.items():
            value = values[name] if name in values else one.first_value()
            if value is not MISSING:
                # Past a frozen class' own way of setting.
                object.__setattr__(self, name, value)
            elif one.init:
                message = f"{shown_name(kind_name)} missing a required argument: {shown_name(name)!r}"
                raise TypeError(message)
        if hasattr(type(self), "__post_init__"):
            self.__post_init__()

    return __init__


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.key)!r}" for one in _data_fields(self).values() if one.repr)
    return f"{shown_name(type(self).__name__)}({', '.join(shown)})"


def _compared(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name, one in _data_fields(value).items() if one.compare)


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: (
        compare(_compared(self), _compared(other)) if type(other) is type(self) else NotImplemented
    )


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _frozen(_self: Any, name: str, *_value: Any) -> None:
    message = f"cannot assign to field {shown_name(name)!r}"
    raise FrozenInstanceError(message)


def _data_fields(value: Any) -> dict[str, Field]:
    if not is_dataclass(value):
        message = "this is for data classes and their objects"
        raise TypeError(message)
    found: dict[str, Field] = getattr(value if isinstance(value, type) else type(value), _DATA_FIELDS)
    return found


def _plain(value: Any, *, as_dict: bool) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = [(one.name, _plain(getattr(value, name), as_dict=as_dict)) for name, one in _data_fields(value).items()]
        return dict(pairs) if as_dict else tuple(plain for _, plain in pairs)
    if type(value) in (list, tuple):
        return type(value)(_plain(item, as_dict=as_dict) for item in value)
    if type(value) is dict:
        return {key: _plain(item, as_dict=as_dict) for key, item in value.items()}
    return value
