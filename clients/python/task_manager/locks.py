"""Locks around what must not run twice at once: `task_lock` and `is_task_locked`, by the service's leases.

They are safety devices, and do not pretend: where the service is away, both raise, and what a lock was to protect does not run.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from task_manager.connection import default_client
from task_manager.errors import LockLost, TaskManagerError

P = ParamSpec("P")
T = TypeVar("T")

#: The most seconds that one call about a lock may take.
_CALL_SECONDS = 10.0

_logger = logging.getLogger("task_manager")


def is_task_locked(name: str) -> bool:
    """Whether somebody holds the lock at this moment; a moment later it may be otherwise.

    Raises:
        TaskManagerError: the service is away (`Unavailable`, `DeadlineExceeded`) or refuses, so nothing is known.
    """
    return bool(default_client().within(_CALL_SECONDS).get_lock(name).owner)


class HeldLock:
    """A lock that this program has, and renews until it is given back."""

    def __init__(self, name: str, timeout: float) -> None:
        self._timeout = timeout
        self._client = default_client().within(min(_CALL_SECONDS, timeout))
        # The lease is counted from before the call, so that it is over here before it is there.
        self._until = time.monotonic() + timeout
        holder = f"{socket.gethostname()[:100]}:{os.getpid()}:{uuid.uuid4().hex}"
        self._lock = self._client.acquire_lock(name, holder, timeout)
        self._released = threading.Event()
        self.lost = threading.Event()
        """Set once the lease may have ended before the block did, so that somebody else may have the lock."""
        threading.Thread(target=self._renew, name=f"task_lock {name}", daemon=True).start()

    @property
    def name(self) -> str:
        """The lock's name."""
        return self._lock.name

    @property
    def fencing_number(self) -> int:
        """Grows with every acquisition. Whatever the lock protects should refuse a number below the highest it has seen."""
        return self._lock.fencing_number

    def release(self) -> None:
        """Give it back. Raises `LockLost` when somebody else has acquired it since, and other errors of the call."""
        self._released.set()
        self._client.release_lock(self._lock)

    def _renew(self) -> None:
        wait = self._timeout / 3
        while not self._released.wait(wait):
            began = time.monotonic()
            left = self._until - began
            try:
                if left <= 0:
                    raise LockLost(f"the lease of {self._timeout:g} s has ended")
                self._client.within(min(_CALL_SECONDS, left)).renew_lock(self._lock, self._timeout)
                self._until = began + self._timeout
                wait = self._timeout / 3
            except LockLost as error:
                if not self._released.is_set():
                    self.lost.set()
                    _logger.error("the lock %r is lost before its work is done: %s", self.name, error.message)
                return
            except Exception as error:
                # Whatever it is, there is time to try again until the lease ends.
                _logger.warning("the lock %r could not be renewed: %s", self.name, error)
                wait = min(self._timeout / 10, max(self._until - time.monotonic(), 0))


class task_lock:  # noqa: N801 - used as contextlib's managers are
    """Holds a lock while a block, or a function, runs, so that it runs once at a time, on all machines together.

        with task_lock("nightly", timeout=60) as lock: ...

        @app.task
        @task_lock("nightly", timeout=60)
        def nightly(): ...

    `timeout` is how many seconds the lock outlives its program, should that be killed; at most 86,400. While the block runs, the
    lock is renewed, so that the block may take longer. `with` gives a `HeldLock`: its `fencing_number`, and whether it was `lost`.
    A program that has it and asks for it again is told that it is held.

    Raises, before anything runs, where the lock is not to be had:
        LockHeld: somebody has it; `retry_after` says when that lease ends. For a Celery task `autoretry_for=(LockHeld,)` tries
            again later, and `except LockHeld` within it may leave the work to the other.
        TaskManagerError: the service is away (`Unavailable`, `DeadlineExceeded`) or refuses.
    And after the block has ended well:
        LockLost: the lease ended before the block did, and somebody else has acquired the lock meanwhile.
    """

    def __init__(self, name: str, timeout: float = 60.0) -> None:
        if not isinstance(name, str):
            # As a decorator without its parentheses would only show when the function is called.
            raise TypeError('the lock needs a name, as in task_lock("nightly")')
        self._name = name
        self._timeout = timeout
        #: By thread.
        self._held: dict[int, HeldLock] = {}

    def __enter__(self) -> HeldLock:
        held = self._held[threading.get_ident()] = HeldLock(self._name, self._timeout)
        return held

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._held.pop(threading.get_ident()).release()
        except LockLost:
            if kind is None:
                raise
        except TaskManagerError as problem:
            _logger.warning(
                "the lock %r could not be released, and ends by itself within %g s: %s",
                self._name,
                self._timeout,
                problem,
            )

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """`function`, which runs with the lock. Raises TypeError for one that runs only after it was called, and for a Celery task.

        Celery would go on running that task itself, without the lock.
        """
        if hasattr(function, "apply_async"):
            raise TypeError("task_lock stands below @app.task or @shared_task, next to the function")
        kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
        if any(is_kind(function) for is_kind in kinds):
            message = f"{function.__qualname__} would run without the lock; put `with task_lock(...)` into it"
            raise TypeError(message)

        @functools.wraps(function)
        def locked(*args: P.args, **kwargs: P.kwargs) -> T:
            with task_lock(self._name, self._timeout):
                return function(*args, **kwargs)

        return locked
