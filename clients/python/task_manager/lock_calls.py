"""What `TaskClient` asks about locks. `task_manager.task_lock` is made of these, and renews by itself."""

from __future__ import annotations

from task_manager import rpcs
from task_manager.calls import Calls
from task_manager.v1.lock_pb2 import Lock
from task_manager.v1.lock_service_pb2 import AcquireLockRequest, GetLockRequest, ReleaseLockRequest, RenewLockRequest


class LockCalls(Calls):
    """The part of `TaskClient` for locks: named leases, of which one user's programs hold each at most once."""

    def acquire_lock(self, name: str, owner: str, lease_seconds: float) -> Lock:
        """Takes a lock that is free.

        Args:
            name: the lock, among those of the token's user.
            owner: what this holder calls itself. Who has the lock and acquires it again gets the same, with a new lease, so
                holders that are not to share it need different names.
            lease_seconds: after so many it ends by itself, at most 86,400.

        Raises:
            LockHeld: another owner has it; `retry_after` says when that lease ends.
            QuotaExceeded: the user has as many locks as it may.
        """
        request = AcquireLockRequest(name=name, owner=owner, lease_seconds=lease_seconds)
        return self._call(rpcs.ACQUIRE_LOCK, request)

    def renew_lock(self, lock: Lock, lease_seconds: float) -> Lock:
        """Begins the lease of a lock that was acquired anew. Raises `LockLost` when it is not held by that any more."""
        request = RenewLockRequest(
            name=lock.name, owner=lock.owner, fencing_number=lock.fencing_number, lease_seconds=lease_seconds
        )
        return self._call(rpcs.RENEW_LOCK, request)

    def release_lock(self, lock: Lock) -> Lock:
        """Gives back a lock that was acquired. Raises `LockLost` when somebody else has acquired it since."""
        request = ReleaseLockRequest(name=lock.name, owner=lock.owner, fencing_number=lock.fencing_number)
        return self._call(rpcs.RELEASE_LOCK, request)

    def get_lock(self, name: str) -> Lock:
        """Reads a lock. A free one has no `owner`."""
        return self._call(rpcs.GET_LOCK, GetLockRequest(name=name))
