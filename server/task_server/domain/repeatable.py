"""What tells a request that may come twice from others (AIP-155)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that its caller may send again, when the answer was lost."""

    #: As the caller calls it; empty for a request of which each is another one.
    request_id: str
    #: Of all that it says.
    digest: str


#: A request that is done whenever it comes.
ALWAYS = Repeatable("", "")
