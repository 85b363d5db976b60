"""Where a value is within JSON text."""

from __future__ import annotations

from typing import TypeAlias

#: What a value within JSON is compared with.
Scalar: TypeAlias = str | float | bool | None
#: Keys of objects and places in lists.
Path: TypeAlias = tuple[str | int, ...]


def json_path(path: Path) -> str:
    """The path as both databases write it. Its keys have neither quotes nor backslashes in them."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path)
