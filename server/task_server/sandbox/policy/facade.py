"""What stands for a module, and for a type hint, in a task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn


class Facade:
    """What a task gets when it imports a module: listed names and nothing behind them. It can not be written to."""

    __slots__ = ("_content", "_name")

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_content", MappingProxyType(dict(content)))

    def __getattribute__(self, name: str) -> Any:
        # Also what `from module import name` goes through, past every guard. There must be no `__name__`: with one, the
        # interpreter would look for what is missing here among the real modules.
        content = object.__getattribute__(self, "_content")
        if name in content:
            return content[name]
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        message = f"{self!r} has no {name!r} here; it has: {', '.join(sorted(content))}"
        raise AttributeError(message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"{self!r} can not be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"{self!r} can not be changed"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"module {object.__getattribute__(self, '_name')!r}"


def names_in(facade: Facade) -> frozenset[str]:
    """What can be imported from it."""
    content: Mapping[str, Any] = object.__getattribute__(facade, "_content")
    return frozenset(content)


class TypeHint:
    """Stands for whatever of `typing`: it can be subscripted, called, joined by `|` and derived from, and means nothing."""

    __slots__ = ()

    def __getitem__(self, _item: object) -> TypeHint:
        return self

    def __call__(self, *_args: object, **_options: object) -> TypeHint:
        """`TypeVar("T")` and its kind."""
        return self

    def __or__(self, _other: object) -> TypeHint:
        return self

    def __ror__(self, _other: object) -> TypeHint:
        return self

    def __mro_entries__(self, _bases: object) -> tuple[type, ...]:
        return ()

    def __repr__(self) -> str:
        return "a type hint"
