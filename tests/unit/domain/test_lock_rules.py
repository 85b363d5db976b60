"""What becomes of a lock, whatever its users do and whenever they do it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.domain.clock import SECOND
from task_server.domain.errors import LockHeld, LockLost
from task_server.domain.lock import Lock

FREE = Lock(name="nightly")
HOLDERS = st.sampled_from(["a", "b", "c"])
#: How far the clock goes; it may be set back.
STEPS = st.integers(-30 * SECOND, 60 * SECOND)
ACTIONS = st.lists(st.tuples(st.sampled_from(["acquire", "renew", "release"]), HOLDERS, STEPS), max_size=60)


@given(ACTIONS, st.integers(1, 20 * SECOND))
def test_numbers_grow_and_nobody_loses_a_lock_that_has_not_ended(
    actions: list[tuple[str, str, int]], lease: int
) -> None:
    lock, now, numbers, newest = FREE, 1000 * SECOND, {}, 0
    for action, holder, step in actions:
        now += step
        held_by = lock.holder if lock.is_held(now) else None
        before = lock
        try:
            if action == "acquire":
                lock = lock.acquired(holder, lease, max(newest, lock.number), now)
                assert held_by in (None, holder)
                assert lock.is_held(now)
                # The same acquisition if it has it already, else one with a number that nobody had.
                assert (lock.number == before.number) == (held_by == holder)
                assert lock.number >= newest
                numbers[holder] = newest = lock.number
            elif action == "renew":
                lock = lock.renewed(holder, numbers.get(holder, 0), lease, now)
                assert held_by == holder
                assert (lock.number, lock.expires_at) == (before.number, now + lease)
            else:
                lock = lock.released(holder, numbers.get(holder, 0), now)
                assert not lock.is_held(now)
                # Nor is it if the clock is set back after that.
                assert not lock.is_held(now - 3600 * SECOND)
        except LockHeld as error:
            assert held_by not in (None, holder)
            assert error.retry_after is not None
            assert error.retry_after * SECOND >= lock.expires_at - now
        except LockLost:
            assert held_by != holder or action == "release"


def test_to_release_twice_goes_well_until_somebody_acquires_it() -> None:
    lock = FREE.acquired("a", 10, 0, 100)
    released = lock.released("a", lock.number, 105)
    assert released.released("a", lock.number, 200) == released
    # One whose lease has ended by itself is given back all the same: nobody had it since.
    assert lock.released("a", lock.number, 200).expires_at == 110
    others = released.acquired("b", 10, lock.number, 105)
    with pytest.raises(LockLost):
        others.released("a", lock.number, 106)


def test_a_lease_that_has_ended_is_not_renewed() -> None:
    lock = FREE.acquired("a", 10, 0, 100)
    assert lock.renewed("a", lock.number, 10, 109).expires_at == 119
    for holder, number, now in (("a", lock.number, 110), ("a", lock.number + 1, 105), ("b", lock.number, 105)):
        with pytest.raises(LockLost):
            lock.renewed(holder, number, 10, now)
