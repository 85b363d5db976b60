"""Warnings that do not flood a log: of each kind one a minute, which tells how many were kept back."""

from __future__ import annotations

import logging
import time

#: Seconds within which a kind is told once.
_SILENCE = 60.0

_logger = logging.getLogger("task_manager")


class Complaints:
    """What one part of the client warns of, in the logger `task_manager`."""

    def __init__(self) -> None:
        self._silent_until: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def warn(self, kind: str, message: str) -> None:
        """Log `message`, unless one of that kind was logged within the last minute. It must hold no secret."""
        now = time.monotonic()
        if now < self._silent_until.get(kind, 0.0):
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1
            return
        self._silent_until[kind] = now + _SILENCE
        more = self._kept_back.pop(kind, 0)
        _logger.warning("%s%s", message, f" (and {more} like it since the last such line)" if more else "")
