"""`enum`, for classes of a task.

Python's own hands out its metaclass' machinery by plain names. Here a member is an object of its class with a name and a
value, and nothing else. There is no IntEnum: its members would pass for numbers in C code.
"""

# ruff: noqa: N805 - what a method of a metaclass gets is a class

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any, NoReturn

from task_server.sandbox.policy.classes import MAKERS, TASK_METACLASSES, TaskClass
from task_server.sandbox.policy.vocabulary import shown_name

# No source can spell these.
_MEMBERS = ".members"
_NAME = ".name"
_VALUE = ".value"


class EnumClass(TaskClass):
    """The class of the enumerations that a task defines."""

    def __call__(cls, value: Any) -> Any:
        """The member with this value. Raises ValueError where there is none."""
        for member in cls:
            if member is value or member.value == value:
                return member
        message = f"{value!r} is not a valid {shown_name(cls.__name__)}"
        raise ValueError(message)

    def __iter__(cls) -> Iterator[Any]:
        unique: list[Any] = []
        for member in cls._members().values():
            if all(member is not other for other in unique):
                unique.append(member)
        return iter(unique)

    def __len__(cls) -> int:
        return sum(1 for _ in cls)

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, value: Any) -> bool:
        return any(member is value or member.value == value for member in cls)

    def __getitem__(cls, name: str) -> Any:
        return cls._members()[name]

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in cls._members():
            message = f"cannot reassign member {name!r}"
            raise AttributeError(message)
        type.__setattr__(cls, name, value)

    def __delattr__(cls, name: str) -> NoReturn:
        message = f"cannot delete {name!r} of an enumeration"
        raise AttributeError(message)

    def __repr__(cls) -> str:
        return f"<enum {shown_name(cls.__name__)!r}>"

    def _members(cls) -> dict[str, Any]:
        members: dict[str, Any] = type.__getattribute__(cls, "__dict__").get(_MEMBERS, {})
        return members


class auto:  # noqa: N801 - as tasks write it
    """The value after the one before, from 1."""

    __slots__ = ()


def _name(member: Any) -> Any:
    return vars(member)[_NAME]


def _value(member: Any) -> Any:
    return vars(member)[_VALUE]


def _repr(member: Any) -> str:
    return f"<{shown_name(type(member).__name__)}.{member.name}: {member.value!r}>"


def _str(member: Any) -> str:
    return f"{shown_name(type(member).__name__)}.{member.name}"


Enum = EnumClass(
    "Enum",
    (),
    {"__module__": "enum", "name": property(_name), "value": property(_value), "__repr__": _repr, "__str__": _str},
)


def unique(kind: Any) -> Any:
    """The decorator that refuses two names for one value."""
    names = kind._members() if type(kind) is EnumClass else {}
    aliases = [name for name, member in names.items() if member.name != name]
    if aliases:
        message = f"duplicate values found in {kind!r}: {', '.join(aliases)}"
        raise ValueError(message)
    return kind


def _make(name: str, bases: tuple[Any, ...], body: dict[str, Any]) -> Any:
    for base in bases:
        if type(base) not in TASK_METACLASSES:
            message = (
                "an enumeration may derive from Enum and from classes of your own; keep numbers and text as values"
            )
            raise TypeError(message)
        if type(base) is EnumClass and base._members():
            message = f"{base!r} has members, so nothing can derive from it"
            raise TypeError(message)
    values = {key: value for key, value in body.items() if key[0] not in "_." and not _belongs_to_class(value)}
    kind = EnumClass(name, bases, {key: value for key, value in body.items() if key not in values})
    members: dict[str, Any] = {}
    latest: Any = 0
    for key, given in values.items():
        value = latest + 1 if type(given) is auto else given
        latest = value if type(value) is int else latest
        member = next((other for other in members.values() if other.value == value), None)
        if member is None:
            member = _new_member(kind, key, value)
        type.__setattr__(kind, key, member)
        members[key] = member
    type.__setattr__(kind, _MEMBERS, members)
    return kind


def _new_member(kind: Any, key: str, value: Any) -> Any:
    member = object.__new__(kind)
    member.__dict__.update({_NAME: key, _VALUE: value})
    if kind.__init__ is not object.__init__:
        member.__init__(*(value if type(value) is tuple else (value,)))
    return member


def _belongs_to_class(value: Any) -> bool:
    return isinstance(value, FunctionType | property | classmethod | staticmethod | type)


TASK_METACLASSES.add(EnumClass)
MAKERS[Enum] = _make
