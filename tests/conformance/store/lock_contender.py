"""A program that wants a lock again and again: prints each time that it had it. Arguments: database URL, its name, how often."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

from task_server.dispatch.publisher import MemoryPublisher
from task_server.domain.errors import LockHeld, LockLost
from task_server.domain.owner import Caller, Owner, Role
from task_server.notifier.bell import MemoryBell
from task_server.store.database import Database
from task_server.usecases.locking import Locking
from task_server.usecases.ports import Ports

#: Short enough to end by itself now and then, in microseconds.
LEASE = 30_000


class Tenure(NamedTuple):
    """One acquisition, and until when its holder knew for certain that it had the lock; by the database's clock."""

    number: int
    acquired_at: int
    known_until: int


def contend(database: Database, holder: str, count: int) -> Iterator[Tenure]:
    """Have the lock so many times. Every third time it is not given back, as by a program that is killed."""
    caller = Caller(owner=Owner("ann", "Ann"), role=Role.EDITOR, token_id="t1")
    ports = Ports(database=database, publisher=MemoryPublisher(), bell=MemoryBell(), republish_after_seconds=5)
    locking = Locking(ports)
    for turn in range(count):
        # As a program that is started anew, it has another name, and does not find itself in possession.
        name = f"{holder}-{turn}"
        while True:
            try:
                lock = locking.acquire(caller, "contended", name, LEASE)
                break
            except LockHeld:
                pass
        known_until = lock.acquired_at
        try:
            renewed = locking.renew(caller, "contended", name, lock.number, LEASE)
            known_until = renewed.expires_at - LEASE
            if turn % 3:
                locking.release(caller, "contended", name, lock.number)
        except LockLost:
            pass
        yield Tenure(lock.number, lock.acquired_at, known_until)


if __name__ == "__main__":
    database = Database(sys.argv[1])
    for tenure in contend(database, sys.argv[2], int(sys.argv[3])):
        print(json.dumps(tenure))
    database.close()
