"""`task_lock` where the service, or the way to it, misbehaves. tests/acceptance has it with the service itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import pytest
from celery import Celery
from client_harness import Driver, LoopbackServer, Servicer, refuse

from task_manager import LockHeld, LockLost, Unavailable, connection, is_task_locked, task_lock
from task_manager.connection import Connection
from task_manager.v1.lock_pb2 import Lock

# ruff: noqa: N802 - gRPC's names

SECONDS = 20.0


class Locker(Servicer):
    """Gives every lock to everybody, unless a test has it refuse; says what came, and waits where it is told to."""

    def __init__(self) -> None:
        self.holders: list[str] = []
        self.number = 6
        self.renewed = threading.Semaphore(0)
        self.lost = False
        self.taken_over = False
        self.released = threading.Event()

    def AcquireLock(self, request: Any, context: Any) -> Any:
        if self.holders and not self.released.is_set():
            refuse(context, grpc.StatusCode.ABORTED, "LOCK_HELD", name=request.name)
        self.holders.append(request.owner)
        self.released.clear()
        self.number += 1
        return Lock(name=request.name, owner=request.owner, fencing_number=self.number)

    def RenewLock(self, request: Any, context: Any) -> Any:
        self.renewed.release()
        if self.lost:
            refuse(context, grpc.StatusCode.ABORTED, "LOCK_LOST", name=request.name)
        return self._of(request)

    def ReleaseLock(self, request: Any, context: Any) -> Any:
        if self.taken_over:
            refuse(context, grpc.StatusCode.ABORTED, "LOCK_LOST", name=request.name)
        assert request.owner == self.holders[-1]
        assert request.fencing_number == self.number
        self.released.set()
        return Lock(name=request.name)

    def GetLock(self, request: Any, context: Any) -> Any:
        return Lock(name=request.name, owner="" if self.released.is_set() else self.holders[-1])

    def _of(self, request: Any) -> Lock:
        return Lock(name=request.name, owner=request.owner, fencing_number=request.fencing_number)


@pytest.fixture
def locker() -> Locker:
    return Locker()


@pytest.fixture
def server(
    locker: Locker, serve: Callable[[Servicer], LoopbackServer], monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackServer]:
    server = serve(locker)
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", server.address)
    monkeypatch.setattr(connection, "_connection", Connection())
    yield server
    connection.default_client().close()


def test_it_is_held_for_the_block_and_renewed(server: LoopbackServer, locker: Locker) -> None:
    with task_lock("nightly", timeout=3) as lock:
        assert (lock.name, lock.fencing_number) == ("nightly", 7)
        assert is_task_locked("nightly")
        for _ in range(2):
            assert locker.renewed.acquire(timeout=SECONDS)
        assert not lock.lost.is_set()
    assert not is_task_locked("nightly")


def test_it_is_given_back_after_an_error(server: LoopbackServer, locker: Locker) -> None:
    with pytest.raises(ZeroDivisionError), task_lock("nightly"):
        raise ZeroDivisionError
    assert locker.released.is_set()


def test_a_function_runs_with_it_each_time(server: LoopbackServer, locker: Locker) -> None:
    @task_lock("nightly", timeout=60)
    def double(number: int, *, plus: int = 0) -> int:
        """Twice as much."""
        assert not locker.released.is_set()
        return 2 * number + plus

    assert (double.__name__, double.__doc__) == ("double", "Twice as much.")
    assert [double(1), double(2, plus=1)] == [2, 5]
    # Each run is a holder of its own.
    assert len(set(locker.holders)) == 2


def test_whoever_has_it_does_not_get_it_again(server: LoopbackServer) -> None:
    lock = task_lock("nightly")
    with lock:
        for again in (lock, task_lock("nightly")):
            with pytest.raises(LockHeld), again:
                raise AssertionError("it runs twice")
    with lock:
        pass


def test_what_runs_only_later_is_refused() -> None:
    async def later() -> None: ...

    async def pieces() -> AsyncIterator[int]:
        yield 1

    def parts() -> Iterator[int]:
        yield 1

    for function in (later, pieces, parts):
        with pytest.raises(TypeError, match="would run without the lock"):
            task_lock("nightly")(function)  # type: ignore[arg-type]


def test_a_decorator_in_the_wrong_place_or_without_a_name_is_refused_when_the_module_is_read() -> None:
    app = Celery("locked", broker="memory://", set_as_current=False)

    def count() -> None: ...

    with pytest.raises(TypeError, match=r"below @app\.task"):
        task_lock("nightly")(app.task(count))
    with pytest.raises(TypeError, match="needs a name"):
        task_lock(count)  # type: ignore[arg-type]


def test_nothing_runs_where_the_service_is_away(server: LoopbackServer) -> None:
    server.kill()
    ran = []
    with pytest.raises(Unavailable), task_lock("nightly"):
        ran.append(1)
    with pytest.raises(Unavailable):
        is_task_locked("nightly")
    assert ran == []


def test_a_lease_that_is_lost_is_said(server: LoopbackServer, locker: Locker, caplog: pytest.LogCaptureFixture) -> None:
    locker.lost = locker.taken_over = True
    with pytest.raises(LockLost), task_lock("nightly", timeout=0.5) as lock:
        assert lock.lost.wait(SECONDS)
    # It is said after the event, which must not wait for a log.
    for renewing in [each for each in threading.enumerate() if each.name == "task_lock nightly"]:
        renewing.join(SECONDS)
    assert "the lock 'nightly' is lost before its work is done" in caplog.text
    # An error of the block itself is not hidden.
    locker.released.set()
    with pytest.raises(ZeroDivisionError), task_lock("nightly", timeout=60):
        raise ZeroDivisionError


def test_a_lease_that_can_not_be_renewed_is_lost_when_it_ends(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with task_lock("nightly", timeout=0.5) as lock:
        server.kill()
        assert lock.lost.wait(SECONDS)
    assert "could not be renewed" in caplog.text
    # It could not be given back either, which the work that is done has nothing to do with.
    assert "could not be released, and ends by itself within 0.5 s" in caplog.text


def test_a_server_that_comes_back_in_time_costs_nothing(server: LoopbackServer, locker: Locker) -> None:
    with task_lock("nightly", timeout=6) as lock:
        server.kill()
        server.start()
        assert locker.renewed.acquire(timeout=SECONDS)
        assert not lock.lost.is_set()
    assert locker.released.is_set()


async def test_a_client_asks_for_locks_itself(locker: Locker, serve: Any, connect: Any) -> None:
    client: Driver = await connect(serve(locker).address)
    lock = await client.call("acquire_lock", "nightly", "me", 60)
    assert (lock.name, lock.owner, lock.fencing_number) == ("nightly", "me", 7)
    assert await client.call("renew_lock", lock, 60) == lock
    assert (await client.call("get_lock", "nightly")).owner == "me"
    with pytest.raises(LockHeld):
        await client.call("acquire_lock", "nightly", "another", 60)
    await client.call("release_lock", lock)
    assert locker.released.is_set()
