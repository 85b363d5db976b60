"""LockService: validate, use case, convert."""

from __future__ import annotations

from typing import Any

from task_manager.v1 import lock_pb2, lock_service_pb2
from task_server.api.interceptors.authentication import current_caller
from task_server.api.threads import Threads
from task_server.api.validation.lock import check_lease, check_name, check_number
from task_server.api.validation.violations import Violations
from task_server.api.values import timestamp
from task_server.domain.lock import Lock
from task_server.usecases.locking import Locking


class LockService:
    """The RPCs of LockService."""

    def __init__(self, *, locking: Locking, threads: Threads) -> None:
        self._locking = locking
        self._threads = threads

    async def AcquireLock(self, request: lock_service_pb2.AcquireLockRequest, _: Any) -> lock_pb2.Lock:  # noqa: N802
        """Take a lock."""
        violations = Violations()
        check_name("name", request.name, violations)
        check_name("owner", request.owner, violations)
        lease = check_lease(request.lease_seconds, violations)
        violations.raise_any()
        caller = current_caller.get()
        return _held(await self._threads.run(self._locking.acquire, caller, request.name, request.owner, lease))

    async def RenewLock(self, request: lock_service_pb2.RenewLockRequest, _: Any) -> lock_pb2.Lock:  # noqa: N802
        """Begin a lease anew."""
        violations = Violations()
        _check_acquisition(request, violations)
        lease = check_lease(request.lease_seconds, violations)
        violations.raise_any()
        caller, number = current_caller.get(), request.fencing_number
        return _held(await self._threads.run(self._locking.renew, caller, request.name, request.owner, number, lease))

    async def ReleaseLock(self, request: lock_service_pb2.ReleaseLockRequest, _: Any) -> lock_pb2.Lock:  # noqa: N802
        """Give a lock back."""
        violations = Violations()
        _check_acquisition(request, violations)
        violations.raise_any()
        caller, number = current_caller.get(), request.fencing_number
        await self._threads.run(self._locking.release, caller, request.name, request.owner, number)
        return lock_pb2.Lock(name=request.name)

    async def GetLock(self, request: lock_service_pb2.GetLockRequest, _: Any) -> lock_pb2.Lock:  # noqa: N802
        """Read a lock."""
        violations = Violations()
        check_name("name", request.name, violations)
        violations.raise_any()
        lock, is_held = await self._threads.run(self._locking.get, current_caller.get(), request.name)
        return _held(lock) if is_held else lock_pb2.Lock(name=request.name)


def _check_acquisition(
    request: lock_service_pb2.RenewLockRequest | lock_service_pb2.ReleaseLockRequest, violations: Violations
) -> None:
    check_name("name", request.name, violations)
    check_name("owner", request.owner, violations)
    check_number(request.fencing_number, violations)


def _held(lock: Lock) -> lock_pb2.Lock:
    return lock_pb2.Lock(
        name=lock.name,
        owner=lock.holder,
        fencing_number=lock.number,
        acquired_at=timestamp(lock.acquired_at),
        expires_at=timestamp(lock.expires_at),
    )
