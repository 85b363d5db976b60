"""Locks: named leases that end by themselves, and numbers by which whatever they protect knows a late holder."""

from __future__ import annotations

from dataclasses import dataclass, replace

from task_server.domain.clock import Micros, seconds
from task_server.domain.errors import LockHeld, LockLost

#: The longest lease, in seconds. A longer need is met by renewing.
LONGEST_SECONDS = 86_400
#: How long a lock that has ended is remembered, so that to release it a second time, as a call that is repeated does, goes well.
REMEMBERED = seconds(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock of one user, as its last acquisition left it. `holder` is what the program that acquired it calls itself."""

    name: str
    holder: str = ""
    #: The fencing number. 0 for a lock that was never acquired, or not for so long that nothing is known of it.
    number: int = 0
    acquired_at: Micros = 0
    expires_at: Micros = 0
    #: Given back. The time alone would not say so, should the clock be set back.
    is_released: bool = False

    def is_held(self, now: Micros) -> bool:
        """Whether somebody holds it."""
        return not self.is_released and now < self.expires_at

    def acquired(self, holder: str, lease: Micros, newest: int, now: Micros) -> Lock:
        """The lock as `holder` has it from now on.

        Who holds it already keeps its number, and the lease begins anew: so a call may be repeated. Everybody else gets a number
        above `newest`, the highest that any lock of the user has. Raises LockHeld while another one holds it.
        """
        if not self.is_held(now):
            return Lock(name=self.name, holder=holder, number=newest + 1, acquired_at=now, expires_at=now + lease)
        if self.holder != holder:
            raise LockHeld(self.name, (self.expires_at - now) / seconds(1))
        return replace(self, expires_at=now + lease)

    def renewed(self, holder: str, number: int, lease: Micros, now: Micros) -> Lock:
        """The lock with a lease that begins anew. Raises LockLost unless it is held by that acquisition.

        One that has expired is lost, although nobody may have acquired it since: whoever looked has seen that it is free.
        """
        if not self.is_held(now) or (self.holder, self.number) != (holder, number):
            raise LockLost(self.name)
        return replace(self, expires_at=now + lease)

    def released(self, holder: str, number: int, now: Micros) -> Lock:
        """The lock, free for others. Raises LockLost where somebody has acquired it since that acquisition, or it was none.

        So it goes well a second time, and after the lease has ended by itself: nobody else had the lock.
        """
        if (self.holder, self.number) != (holder, number):
            raise LockLost(self.name)
        return replace(self, expires_at=min(self.expires_at, now), is_released=True)
