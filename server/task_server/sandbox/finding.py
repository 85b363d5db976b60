"""What is wrong with a piece of source."""

from __future__ import annotations

from dataclasses import dataclass

#: More than this helps nobody.
MAX_FINDINGS = 20
#: Names in a source may be as long as the source.
_MAX_MESSAGE_CHARACTERS = 2_000


def shortened(message: str) -> str:
    """As much of a message as a finding may have."""
    return message if len(message) <= _MAX_MESSAGE_CHARACTERS else f"{message[:_MAX_MESSAGE_CHARACTERS]} ..."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must be changed before the source may run."""

    #: From 1; 0 where it concerns the source as a whole.
    line: int
    #: From 1; 0 where it is not known.
    column: int
    #: What is wrong and what to write instead.
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message
