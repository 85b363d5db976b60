"""`str.format`, with the attribute access in it guarded."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class _GuardedFormatter(string.Formatter):
    def __init__(self, get_attribute: Callable[[Any, str], Any]) -> None:
        self._get_attribute = get_attribute

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        # `_string` splits "a.b[c]" as C does; the walk itself is ours.
        first, rest = string._string.formatter_field_name_split(field_name)  # type: ignore[attr-defined]
        value = self.get_value(first, args, kwargs)
        for is_attribute, name in rest:
            value = self._get_attribute(value, name) if is_attribute else value[name]
        return value, first


def safe_format_method(template: str, method: str, get_attribute: Callable[[Any, str], Any]) -> Callable[..., str]:
    """The method `format` or `format_map` of `template`, which reads attributes by `get_attribute` only."""
    formatter = _GuardedFormatter(get_attribute)

    def format_(*args: Any, **kwargs: Any) -> str:
        return formatter.vformat(template, args, kwargs)

    def format_map(mapping: Mapping[str, Any]) -> str:
        return formatter.vformat(template, (), mapping)

    return format_map if method == "format_map" else format_
