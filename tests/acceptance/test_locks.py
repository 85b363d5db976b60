"""Locks as any program sees them, over REST and over gRPC."""

from __future__ import annotations

import math
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from acceptance_api import Api
from acceptance_stack import Stack

from task_manager.v1 import lock_service_pb2, lock_service_pb2_grpc


@pytest.fixture
def name() -> str:
    return f"nightly-{uuid.uuid4()}"


def test_a_lock_is_taken_kept_and_given_back(bob: Api, name: str) -> None:
    path = f"/api/v1/locks/{name}"
    assert bob.rest.get(path) == {
        "name": name, "owner": "", "fencing_number": "0", "acquired_at": None, "expires_at": None,
    }  # fmt: skip
    taken = bob.rest.post(path, {"owner": "a", "lease_seconds": 60})
    assert (taken["name"], taken["owner"]) == (name, "a")
    assert taken["acquired_at"] < taken["expires_at"]
    assert bob.rest.get(path + "/") == taken

    status, failure = bob.rest.failure("POST", path, {"owner": "b", "lease_seconds": 60})
    assert (status, failure.code, failure.reason) == (409, "ABORTED", "LOCK_HELD")
    assert failure.metadata == {"name": name}
    assert failure.retry_seconds is not None
    assert 0 < failure.retry_seconds <= 60

    number = taken["fencing_number"]
    renewed = bob.rest.post(f"{path}/renew", {"owner": "a", "fencing_number": number, "lease_seconds": 600})
    assert renewed["fencing_number"] == number
    assert renewed["expires_at"] > taken["expires_at"]
    for _ in range(2):
        free = bob.rest.post(f"{path}/release", {"owner": "a", "fencing_number": number})
        assert free == bob.rest.get(path)
        assert free["owner"] == ""
    status, failure = bob.rest.failure(
        "POST", f"{path}/renew", {"owner": "a", "fencing_number": number, "lease_seconds": 60}
    )
    assert (status, failure.code, failure.reason) == (409, "ABORTED", "LOCK_LOST")
    again = bob.rest.post(path, {"owner": "b", "lease_seconds": 0.001})
    assert int(again["fencing_number"]) > int(number)


def test_users_have_names_of_their_own(api: Api, bob: Api, name: str) -> None:
    path = f"/api/v1/locks/{name}"
    bob.rest.post(path, {"owner": "a", "lease_seconds": 60})
    assert api.rest.get(path)["owner"] == ""
    assert api.rest.post(path, {"owner": "b", "lease_seconds": 60})["owner"] == "b"
    assert bob.rest.get(path)["owner"] == "a"


@pytest.mark.parametrize("text", ["a b", "ü✓", "100%", "a:renew", "...", "x" * 200])
def test_a_name_is_any_text(bob: Api, text: str) -> None:
    path = f"/api/v1/locks/{quote(text, safe='')}"
    taken = bob.rest.post(path, {"owner": "a", "lease_seconds": 60})
    assert taken["name"] == text
    locks = lock_service_pb2_grpc.LockServiceStub(bob.channel)  # type: ignore[no-untyped-call]
    lock = bob.call(locks.GetLock, lock_service_pb2.GetLockRequest(name=text))
    assert (lock.owner, lock.fencing_number) == ("a", int(taken["fencing_number"]))
    release = lock_service_pb2.ReleaseLockRequest(name=text, owner="a", fencing_number=lock.fencing_number)
    assert bob.call(locks.ReleaseLock, release).owner == ""


def test_a_name_with_a_slash_is_none_over_rest_alone(bob: Api, name: str) -> None:
    locks = lock_service_pb2_grpc.LockServiceStub(bob.channel)  # type: ignore[no-untyped-call]
    request = lock_service_pb2.AcquireLockRequest(name=f"reports/{name}", owner="a", lease_seconds=60)
    assert bob.call(locks.AcquireLock, request).name == f"reports/{name}"
    assert bob.rest.failure("GET", f"/api/v1/locks/{quote(request.name, safe='')}")[0] == 404


def test_all_that_is_wrong_is_said_at_once(bob: Api) -> None:
    locks = lock_service_pb2_grpc.LockServiceStub(bob.channel)  # type: ignore[no-untyped-call]
    request = lock_service_pb2.AcquireLockRequest(name=" ", owner="a\nb", lease_seconds=86_401)
    failure = bob.failure(locks.AcquireLock, request)
    assert set(failure.violations) == {"name", "owner", "lease_seconds"}
    assert failure.violations["lease_seconds"] == "must be more than 0 and at most 86,400, not 86,401"
    failure = bob.failure(locks.RenewLock, lock_service_pb2.RenewLockRequest(name="x" * 201))
    assert set(failure.violations) == {"name", "owner", "fencing_number", "lease_seconds"}
    failure = bob.failure(locks.ReleaseLock, lock_service_pb2.ReleaseLockRequest())
    assert set(failure.violations) == {"name", "owner", "fencing_number"}
    assert set(bob.failure(locks.GetLock, lock_service_pb2.GetLockRequest()).violations) == {"name"}


@pytest.mark.parametrize("lease", [0, -1, math.nan, math.inf, 1e-9, 1e308])
def test_a_lease_has_a_length(bob: Api, name: str, lease: float) -> None:
    locks = lock_service_pb2_grpc.LockServiceStub(bob.channel)  # type: ignore[no-untyped-call]
    request = lock_service_pb2.AcquireLockRequest(name=name, owner="a", lease_seconds=lease)
    assert set(bob.failure(locks.AcquireLock, request).violations) == {"lease_seconds"}


def test_of_many_callers_one_gets_it(bob: Api, name: str) -> None:
    locks = lock_service_pb2_grpc.LockServiceStub(bob.channel)  # type: ignore[no-untyped-call]

    def acquire(number: int) -> str:
        request = lock_service_pb2.AcquireLockRequest(name=name, owner=f"caller {number}", lease_seconds=60)
        try:
            return str(bob.call(locks.AcquireLock, request).owner)
        except Exception:
            return ""

    with ThreadPoolExecutor(10) as pool:
        owners = [owner for owner in pool.map(acquire, range(10)) if owner]
    assert [bob.rest.get(f"/api/v1/locks/{name}")["owner"]] == owners


def test_viewers_look_and_editors_lock(stack: Stack, bob: Api, name: str) -> None:
    path = f"/api/v1/locks/{name}"
    bob.rest.post(path, {"owner": "a", "lease_seconds": 60})
    viewer = stack.api(stack.token("bob", "viewer"))
    assert viewer.rest.get(path)["owner"] == "a"
    status, failure = viewer.rest.failure("POST", path, {"owner": "b", "lease_seconds": 60})
    assert (status, failure.metadata) == (403, {"permission": "locks.use"})
