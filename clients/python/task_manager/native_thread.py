"""Calls that block, made where they hold up nobody, also in a program whose threads are greenlets: gevent's or eventlet's.

There a thread that waits in gRPC, which knows nothing of greenlets, keeps all the others from running.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_native_thread(call: Callable[[], T]) -> T:
    """What `call` gives, or raises: from a thread of the operating system where threads are greenlets, else from this very one.

    The locks of such a program are made for greenlets: what `call` uses, no other thread may use meanwhile.
    """

    def attempt() -> tuple[T, None] | tuple[None, Exception]:
        # gevent prints what a thread of its pool raises.
        try:
            return call(), None
        except Exception as error:
            return None, error

    try:
        result, error = _native(attempt)
    except RuntimeError:
        # Where a process ends, no thread begins any more, and nobody is held up any more either.
        result, error = attempt()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # one of the two is there


def native_lock() -> threading.Lock:
    """A lock for what native threads and the others both do. Who waits for it holds up all greenlets, if only for that long."""
    if _has_gevent():
        from gevent import monkey

        return monkey.get_original("_thread", "allocate_lock")()  # type: ignore[no-any-return]
    if _has_eventlet():
        from eventlet import patcher

        return patcher.original("threading").Lock()  # type: ignore[no-any-return]
    return threading.Lock()


def _native(call: Callable[[], T]) -> T:
    if _has_gevent():
        from gevent import get_hub

        return get_hub().threadpool.apply(call)  # type: ignore[no-any-return]
    if _has_eventlet():
        from eventlet import tpool

        return tpool.execute(call)  # type: ignore[no-any-return]
    return call()


# Who has not loaded them has not patched anything.


def _has_gevent() -> bool:
    return "gevent.monkey" in sys.modules and sys.modules["gevent.monkey"].is_module_patched("threading")


def _has_eventlet() -> bool:
    return "eventlet.patcher" in sys.modules and sys.modules["eventlet.patcher"].is_monkey_patched("thread")
