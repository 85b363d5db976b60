"""Locking: a caller's programs agree on which of them does something. Names are per user: nobody sees or blocks another's."""

from __future__ import annotations

from task_server.domain.clock import Micros
from task_server.domain.errors import LockLost
from task_server.domain.lock import Lock
from task_server.domain.owner import Caller
from task_server.store import locks
from task_server.usecases import auditing
from task_server.usecases.ports import Ports
from task_server.usecases.quotas import QuotaGuard


class Locking:
    """The use cases of locks. What is due is said by the database's clock alone, read after the row was locked."""

    def __init__(self, ports: Ports) -> None:
        self._database = ports.database
        self._quota_guard = QuotaGuard(ports.database, ports.limits.quotas)

    def acquire(self, caller: Caller, name: str, holder: str, lease: Micros) -> Lock:
        """Take a lock that is free, or begin the lease anew of one that `holder` has.

        Raises LockHeld while another one holds it, and QuotaExceeded where the user has as many as it may.
        """
        owner_id = caller.owner.id
        with self._database.write():
            lock = locks.lock(owner_id, name)
            if lock is None:
                self._quota_guard.admit(owner_id, locks=1)
                lock = locks.add(owner_id, name)
            now = self._database.now()
            acquired = lock.acquired(holder, lease, locks.newest_number(owner_id), now)
            locks.save(owner_id, acquired)
            if acquired.number != lock.number:
                auditing.note(caller, name, now, _described(acquired))
        return acquired

    def renew(self, caller: Caller, name: str, holder: str, number: int, lease: Micros) -> Lock:
        """Begin the lease anew. Raises LockLost. The audit log does not tell: it changes nothing of who has the lock."""
        with self._database.write():
            lock = self._lock(caller, name)
            renewed = lock.renewed(holder, number, lease, self._database.now())
            locks.save(caller.owner.id, renewed)
        return renewed

    def release(self, caller: Caller, name: str, holder: str, number: int) -> Lock:
        """Give a lock back; what is free already, and nobody has had since, stays as it is. Raises LockLost."""
        with self._database.write():
            lock = self._lock(caller, name)
            now = self._database.now()
            released = lock.released(holder, number, now)
            if released != lock:
                locks.save(caller.owner.id, released)
                auditing.note(caller, name, now, _described(released))
        return released

    def get(self, caller: Caller, name: str) -> tuple[Lock, bool]:
        """A lock, and whether it is held now."""
        with self._database.read():
            lock = locks.get(caller.owner.id, name)
            return lock, lock.is_held(self._database.now())

    def _lock(self, caller: Caller, name: str) -> Lock:
        lock = locks.lock(caller.owner.id, name)
        if lock is None:
            raise LockLost(name)
        return lock


def _described(lock: Lock) -> str:
    """A lock as the audit log tells of it. What the holder calls itself is the caller's own text, and stays out."""
    return f"fencing number {lock.number}"
