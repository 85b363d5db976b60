"""Locks on both databases: one holder at a time, numbers that only grow, each user's names its own."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from tests.conformance.store import lock_contender
from tests.conformance.store.engine_values import at_once
from tests.conformance.store.lock_contender import Tenure, contend

from task_server.domain.audit import AuditFilter
from task_server.domain.clock import SECOND
from task_server.domain.errors import LockHeld, LockLost, QuotaExceeded
from task_server.domain.quotas import Quota, Quotas
from task_server.domain.retention import Retention
from task_server.store.tables.locks import LockRow
from task_server.usecases import cleaning
from task_server.usecases.auditing import Auditing
from task_server.usecases.cleaning import Cleaning
from task_server.usecases.limits import Limits
from task_server.usecases.locking import Locking

LEASE = 10 * SECOND


@pytest.fixture
def locking(ports) -> Locking:
    return Locking(ports)


def clean(ports) -> int:
    return sum(Cleaning(ports, Retention()).locks())


def test_a_lock_is_held_until_it_is_released(locking, caller, clock):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    assert (lock.holder, lock.number, lock.acquired_at, lock.expires_at) == ("a", 1, clock.now, clock.now + LEASE)
    assert locking.get(caller, "nightly") == (lock, True)
    clock.sleep(4)
    with pytest.raises(LockHeld) as caught:
        locking.acquire(caller, "nightly", "b", LEASE)
    assert (caught.value.metadata, caught.value.retry_after) == ({"name": "nightly"}, 6.0)
    for _ in range(2):
        locking.release(caller, "nightly", "a", lock.number)
        assert not locking.get(caller, "nightly")[1]
    assert locking.acquire(caller, "nightly", "b", LEASE).number == 2
    with pytest.raises(LockLost):
        locking.release(caller, "nightly", "a", lock.number)


def test_who_holds_it_gets_the_same_again_with_a_lease_that_begins_anew(locking, caller, clock):
    first = locking.acquire(caller, "nightly", "a", LEASE)
    clock.sleep(4)
    again = locking.acquire(caller, "nightly", "a", LEASE)
    assert again == replace(first, expires_at=clock.now + LEASE)
    assert locking.get(caller, "nightly") == (again, True)


def test_a_lease_that_nobody_renews_ends(locking, caller, clock):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    clock.sleep(9)
    renewed = locking.renew(caller, "nightly", "a", lock.number, LEASE)
    assert renewed.expires_at == clock.now + LEASE
    clock.sleep(10)
    assert not locking.get(caller, "nightly")[1]
    with pytest.raises(LockLost):
        locking.renew(caller, "nightly", "a", lock.number, LEASE)
    assert locking.acquire(caller, "nightly", "b", LEASE).number > lock.number


def test_only_the_acquisition_that_has_it_renews_and_releases_it(locking, caller):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    for holder, number in (("b", lock.number), ("a", lock.number + 1)):
        with pytest.raises(LockLost):
            locking.renew(caller, "nightly", holder, number, LEASE)
        with pytest.raises(LockLost):
            locking.release(caller, "nightly", holder, number)
    assert locking.get(caller, "nightly") == (lock, True)
    with pytest.raises(LockLost):
        locking.renew(caller, "other", "a", lock.number, LEASE)


def test_users_neither_see_nor_block_one_another(locking, caller, stranger, admin):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    for other in (stranger, admin):
        assert not locking.get(other, "nightly")[1]
        with pytest.raises(LockLost):
            locking.release(other, "nightly", "a", lock.number)
        # Nor does the number tell how busy the first one is.
        assert locking.acquire(other, "nightly", "a", LEASE).number == 1
    assert locking.get(caller, "nightly") == (lock, True)


def test_a_clock_that_is_set_back_gives_no_released_lock_back(locking, caller, clock):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    locking.release(caller, "nightly", "a", lock.number)
    clock.now -= 3600 * SECOND
    assert not locking.get(caller, "nightly")[1]
    assert locking.acquire(caller, "nightly", "b", LEASE).number > lock.number


def test_numbers_grow_although_what_has_ended_is_removed(locking, caller, stranger, ports, clock):
    for _ in range(3):
        first = locking.acquire(caller, "first", "a", LEASE)
        locking.release(caller, "first", "a", first.number)
    held = locking.acquire(caller, "held", "a", 3600 * SECOND)
    locking.acquire(stranger, "first", "b", LEASE)
    clock.sleep(61)
    assert clean(ports) == 1
    assert clean(ports) == 0
    assert sorted(row.name for row in LockRow.select()) == ["first", "held"]
    assert locking.get(caller, "held") == (held, True)
    locking.release(caller, "held", "a", held.number)
    clock.sleep(3700)
    # The last one of each user stays, for its number.
    assert clean(ports) == 0
    assert locking.acquire(caller, "first", "a", LEASE).number > held.number > first.number
    assert clean(ports) == 1
    with pytest.raises(LockLost):
        locking.release(caller, "held", "a", held.number)


def test_what_has_just_ended_is_remembered(locking, caller, ports, clock):
    lock = locking.acquire(caller, "nightly", "a", LEASE)
    locking.acquire(caller, "other", "a", LEASE)
    locking.release(caller, "nightly", "a", lock.number)
    clock.sleep(59)
    assert clean(ports) == 0
    locking.release(caller, "nightly", "a", lock.number)


def test_nobody_fills_the_table(ports, caller, stranger, clock):
    ports = replace(ports, limits=Limits(quotas=Quotas(Quota(locks=2))))
    locking = Locking(ports)
    lock = locking.acquire(caller, "1", "a", LEASE)
    locking.acquire(caller, "2", "a", LEASE)
    with pytest.raises(QuotaExceeded) as caught:
        locking.acquire(caller, "3", "a", LEASE)
    assert caught.value.metadata == {"quota": "locks", "limit": "2", "used": "2"}
    assert LockRow.select().count() == 2
    # Those that are here can be used, and others have their own.
    assert locking.acquire(caller, "1", "a", LEASE).number == lock.number
    locking.acquire(stranger, "3", "a", LEASE)
    clock.sleep(71)
    assert clean(ports) == 1
    locking.acquire(caller, "3", "a", LEASE)


def test_of_many_that_want_new_names_at_once_as_many_get_one_as_there_is_room_for(ports, caller, database):
    locking = Locking(replace(ports, limits=Limits(quotas=Quotas(Quota(locks=3)))))
    names = iter("abcdef")

    def acquire():
        try:
            return bool(locking.acquire(caller, next(names), "a", LEASE))
        except QuotaExceeded:
            return False

    assert sorted(at_once(database, 6, acquire)) == [False] * 3 + [True] * 3


def test_the_audit_log_tells_who_got_and_gave_a_lock_and_of_no_renewal(locking, caller, database, clock):
    lock = locking.acquire(caller, "nightly", "my secret", LEASE)
    locking.acquire(caller, "nightly", "my secret", LEASE)
    locking.renew(caller, "nightly", "my secret", lock.number, LEASE)
    with pytest.raises(LockHeld):
        locking.acquire(caller, "nightly", "b", LEASE)
    for _ in range(2):
        locking.release(caller, "nightly", "my secret", lock.number)
    told, _ = Auditing(database).page(AuditFilter(), "", 10)
    assert [(event.resource_id, event.detail) for event in told] == [("nightly", "fencing number 1")] * 2


def test_of_many_at_once_one_gets_it(locking, caller, database):
    holders = iter(range(8))

    def acquire():
        try:
            return locking.acquire(caller, "nightly", str(next(holders)), LEASE).number
        except LockHeld:
            return None

    assert sorted(filter(None, at_once(database, 8, acquire))) == [1]


def check(tenures: list[Tenure]) -> None:
    """At most one had the lock at any time, and whoever had it later had the higher number."""
    tenures = sorted(tenures, key=lambda tenure: tenure.number)
    assert len({tenure.number for tenure in tenures}) == len(tenures)
    for earlier, later in itertools.pairwise(tenures):
        assert earlier.acquired_at <= earlier.known_until <= later.acquired_at


def test_threads_take_turns_while_what_has_ended_is_removed(database, ports, monkeypatch):
    monkeypatch.setattr(cleaning, "REMEMBERED", 0)
    names, done = iter(range(4)), threading.Event()

    def sweep():
        while not done.wait(0.001):
            clean(ports)
        database.close()

    cleaner = threading.Thread(target=sweep)
    cleaner.start()
    try:
        found = at_once(database, 4, lambda: list(contend(database, str(next(names)), 15)))
    finally:
        done.set()
        cleaner.join()
    tenures = [tenure for each in found for tenure in each]
    assert len(tenures) == 60
    check(tenures)


def test_processes_take_turns(database):
    url = f"sqlite:///{database.path}" if database.is_sqlite else database.engine.database
    command = [sys.executable, lock_contender.__file__, url]
    programs = [
        subprocess.Popen([*command, f"p{number}", "12"], stdout=subprocess.PIPE, text=True) for number in range(3)
    ]
    said = [program.communicate(timeout=100)[0] for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0]
    tenures = [Tenure(*json.loads(line)) for text in said for line in text.splitlines()]
    assert len(tenures) == 36
    check(tenures)
