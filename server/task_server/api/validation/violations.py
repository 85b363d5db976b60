"""Collects what is wrong with a request."""

from __future__ import annotations

import math
import re

from task_server.domain.errors import InvalidFields, Violation

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Violations:
    """What is wrong so far. Field paths are as in the request."""

    def __init__(self) -> None:
        self._found: list[Violation] = []
        self._path = ""

    def within(self, path: str) -> Violations:
        """The same, to which the fields of a part of the request are told by their paths in that part."""
        part = Violations()
        part._found, part._path = self._found, f"{self._path}{path}."
        return part

    def add(self, field: str, description: str) -> None:
        """Note that a field is wrong, and what to write instead."""
        self._found.append(Violation(self._path + field, description))

    def check_length(self, field: str, value: str, longest: int) -> None:
        """Note a text that is too long or has control characters in it."""
        if len(value) > longest:
            self.add(field, f"must have at most {longest:,} characters, not {len(value):,}")
        if _CONTROL.search(value):
            self.add(field, "must not have control characters in it")

    def check_number(self, field: str, value: float, least: float, most: float) -> bool:
        """Note a number that is out of bounds or no number; return whether it is fine."""
        if math.isfinite(value) and least <= value <= most:
            return True
        self.add(field, f"must be from {least:,.15g} to {most:,.15g}, not {value:,.15g}")
        return False

    def raise_any(self) -> None:
        """Raise InvalidFields with all that was noted, if anything was."""
        if self._found:
            raise InvalidFields(self._found)
