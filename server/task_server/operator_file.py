"""A TOML file of tables that an operator writes besides the settings: read whole, so that all that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Stands for a value that has no default.
REQUIRED: Any = object()


class TableReader:
    """Reads tables, and goes on after what is wrong so that all of it is told at once."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def tables(self, content: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
        """The tables headed [[key]], numbered from 1."""
        found = content.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.wrong.append(f"{key} must be tables, each headed [[{key}]]")
            return []
        return list(enumerate(found, 1))

    def only(self, table: dict[str, Any], where: str, known: set[str]) -> None:
        """Note each key that is not known."""
        self.wrong += [
            f"{where}: {name!r} is not known; there are {', '.join(sorted(known))}" for name in table.keys() - known
        ]

    def take(self, table: dict[str, Any], where: str, name: str, default: Any, read: Callable[[Any], Any]) -> Any:
        """The value as `read` makes it; the default where it is missing, and where it is wrong."""
        if name not in table:
            if default is REQUIRED:
                self.wrong.append(f"{where}: {name} is missing")
            return default
        try:
            return read(table[name])
        except (TypeError, ValueError, KeyError) as error:
            self.wrong.append(f"{where}: {name} {error}")
            return default
