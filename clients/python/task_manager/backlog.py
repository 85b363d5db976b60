"""What was seen and is not sent yet: copies, so that nobody changes them any more, bounded in number and in bytes."""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MOST_BYTES = 64 * 1024 * 1024
"""How many bytes may wait, whatever their number."""
_LONGEST_COPY = 16 * 1024
"""Longer ones are made into a report's fields at once, which cuts them."""


class Seen(NamedTuple):
    """What gives the fields of a report, and when it was seen, in seconds since 1970."""

    seconds: float
    make: Callable[..., Mapping[str, Any]]
    copy: bytes

    @classmethod
    def of(cls, seconds: float, make: Callable[..., Mapping[str, Any]], raw: tuple[Any, ...]) -> Seen:
        """What `make(*raw)` will give of `raw` as it is now. Raises what it raises where it must be called at once."""
        try:
            # The fastest copy that there is. It takes plain values only, and runs nobody's code.
            copy = marshal.dumps(raw)
        except ValueError:
            copy = b""
        if make is not dict and not 0 < len(copy) <= _LONGEST_COPY:
            return cls(seconds, dict, marshal.dumps((make(*raw),)))  # type: ignore[arg-type]
        if not copy:
            raise TypeError("it holds what is no JSON")
        return cls(seconds, make, copy)

    def fields(self) -> Mapping[str, Any]:
        """The fields of the report."""
        return self.make(*marshal.loads(self.copy))  # noqa: S302 - bytes of this very process


class Backlog:
    """The oldest first. What is too much is dropped from that end."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._seen: deque[Seen] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, seen: Seen) -> int:
        """Keep it, and say how many had to be dropped for it."""
        self._seen.append(seen)
        self._bytes += len(seen.copy)
        dropped = 0
        while len(self._seen) > self._capacity or (self._bytes > MOST_BYTES and len(self._seen) > 1):
            self._pop()
            dropped += 1
        return dropped

    def take(self, most: int) -> list[Seen]:
        """Hand over the oldest, so many at most."""
        return [self._pop() for _ in range(min(most, len(self._seen)))]

    def _pop(self) -> Seen:
        seen = self._seen.popleft()
        self._bytes -= len(seen.copy)
        return seen
