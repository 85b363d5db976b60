"""What `AsyncTaskClient` asks about locks."""

from __future__ import annotations

from task_manager import rpcs
from task_manager.aio_calls import AsyncCalls
from task_manager.v1.lock_pb2 import Lock
from task_manager.v1.lock_service_pb2 import AcquireLockRequest, GetLockRequest, ReleaseLockRequest, RenewLockRequest


class AsyncLockCalls(AsyncCalls):
    """`LockCalls` for asyncio; its doc strings hold here too."""

    async def acquire_lock(self, name: str, owner: str, lease_seconds: float) -> Lock:
        """As `LockCalls.acquire_lock`: takes a lock that is free."""
        request = AcquireLockRequest(name=name, owner=owner, lease_seconds=lease_seconds)
        return await self._call(rpcs.ACQUIRE_LOCK, request)

    async def renew_lock(self, lock: Lock, lease_seconds: float) -> Lock:
        """As `LockCalls.renew_lock`: begins a lease anew."""
        request = RenewLockRequest(
            name=lock.name, owner=lock.owner, fencing_number=lock.fencing_number, lease_seconds=lease_seconds
        )
        return await self._call(rpcs.RENEW_LOCK, request)

    async def release_lock(self, lock: Lock) -> Lock:
        """As `LockCalls.release_lock`: gives a lock back."""
        request = ReleaseLockRequest(name=lock.name, owner=lock.owner, fencing_number=lock.fencing_number)
        return await self._call(rpcs.RELEASE_LOCK, request)

    async def get_lock(self, name: str) -> Lock:
        """As `LockCalls.get_lock`: reads a lock."""
        return await self._call(rpcs.GET_LOCK, GetLockRequest(name=name))
