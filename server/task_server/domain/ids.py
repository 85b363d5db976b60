"""Ids: UUID version 7 (RFC 9562 section 5.7), so that ids made later sort later."""

from __future__ import annotations

import os
import threading
import time
import uuid

from task_server.domain.clock import Micros

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return a new UUIDv7 as text. Within one process each is greater than the one before."""
    global _last
    with _lock:
        # The 12 bits after the milliseconds hold the fraction of the millisecond (RFC 9562 section 6.2, method 3).
        _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        stamp = _last
    milliseconds, fraction = divmod(stamp, 4096)
    random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return str(uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | random))


def first_id(time: Micros) -> str:
    """Return what sorts before every id that is made at that time or later, and after every one made in milliseconds before."""
    return str(uuid.UUID(int=(time // 1000) << 80))
