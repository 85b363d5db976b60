"""What stands for functions of the standard library that do more than a task may ask for."""

from __future__ import annotations

import abc
import calendar
import copy
import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from task_server.sandbox.policy.classes import TASK_METACLASSES


def wraps(wrapped: Any) -> Callable[[Any], Any]:
    """`functools.wraps`: the name and the documentation, and not whatever is in the `__dict__` of what is wrapped."""

    def name_like(wrapper: Any) -> Any:
        if type(wrapper) is FunctionType and type(wrapped) is FunctionType:
            wrapper.__name__, wrapper.__doc__ = wrapped.__name__, wrapped.__doc__
        return wrapper

    return name_like


def total_ordering(kind: Any) -> Any:
    """`functools.total_ordering`, which writes into the class, for classes of a task only."""
    _must_be_own(kind, "total_ordering")
    return functools.total_ordering(kind)


def abstractmethod(function: Any) -> Any:
    """`abc.abstractmethod`, which writes into the function, for plain functions only."""
    if type(function) is not FunctionType:
        message = "abstractmethod is for functions; put it below property, classmethod and staticmethod"
        raise TypeError(message)
    return abc.abstractmethod(function)


def shallow_copy(value: Any) -> Any:
    """`copy.copy`."""
    return copy.copy(value)


def deep_copy(value: Any) -> Any:
    """`copy.deepcopy`, without the memo that a caller might look into."""
    return copy.deepcopy(value)


def weekday(year: int, month: int, day: int) -> int:
    """`calendar.weekday`, as a number in every version of Python."""
    return int(calendar.weekday(year, month, day))


def monthrange(year: int, month: int) -> tuple[int, int]:
    """`calendar.monthrange`, as numbers in every version of Python."""
    first, days = calendar.monthrange(year, month)
    return int(first), days


def cast(_kind: Any, value: Any) -> Any:
    """`typing.cast`."""
    return value


def unchanged(value: Any) -> Any:
    """Decorators of `typing` that say something to type checkers only."""
    return value


def new_type(_name: str, _kind: Any) -> Callable[[Any], Any]:
    """`typing.NewType`."""
    return unchanged


def _must_be_own(kind: Any, what: str) -> None:
    if type(kind) not in TASK_METACLASSES:
        message = f"{what} is for classes of your own"
        raise TypeError(message)
