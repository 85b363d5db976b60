"""`task_lock` and `is_task_locked` of the client, with the service itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from acceptance_api import CALL_SECONDS
from acceptance_stack import Stack, eventually
from tests.processes import BARE

from task_manager import LockHeld, connection, is_task_locked, task_lock
from task_manager.connection import Connection, default_client


@pytest.fixture
def environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """That of a program which uses locks; this one has it too."""
    found = {"TASK_MANAGER_ADDRESS": stack.grpc_address, "TASK_MANAGER_TOKEN": stack.admin_token}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connection, "_connection", Connection())
    yield found
    default_client().close()


@pytest.fixture
def name() -> str:
    return f"nightly/{uuid.uuid4()}"


def test_threads_take_turns_and_numbers_grow(environment: dict[str, str], name: str) -> None:
    inside, numbers, together = threading.Lock(), [], threading.Barrier(4)

    def work(_: int) -> None:
        together.wait()
        done = 0
        while done < 5:
            try:
                with task_lock(name) as lock:
                    assert inside.acquire(blocking=False)
                    numbers.append(lock.fencing_number)
                    inside.release()
            except LockHeld as error:
                assert 0 < (error.retry_after or 0) <= 60
            else:
                done += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(numbers) == 20
    assert numbers == sorted(set(numbers))


def test_a_block_may_take_longer_than_its_lease(environment: dict[str, str], name: str) -> None:
    with task_lock(name, timeout=3) as lock:
        first = default_client().get_lock(name).expires_at.ToNanoseconds()
        # It was renewed after the first lease was over.
        later = first + 3 * 10**9
        eventually(lambda: default_client().get_lock(name).expires_at.ToNanoseconds() > later, CALL_SECONDS)
        assert is_task_locked(name)
        assert not lock.lost.is_set()
    assert not is_task_locked(name)


def test_a_program_that_is_killed_leaves_the_lock_to_its_lease(environment: dict[str, str], name: str) -> None:
    code = (
        "import sys; from task_manager import task_lock\n"
        "with task_lock(sys.argv[1], timeout=3) as lock: print(lock.fencing_number, flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, name], env=BARE | environment, text=True, **pipes) as program:
        assert program.stdout
        number = int(program.stdout.readline())
        assert is_task_locked(name)
        with pytest.raises(LockHeld), task_lock(name):
            raise AssertionError("it runs twice")
        program.kill()
    eventually(lambda: not is_task_locked(name), CALL_SECONDS)
    with task_lock(name) as lock:
        assert lock.fencing_number > number


def test_a_program_that_stood_still_hears_that_it_has_lost_the_lock(environment: dict[str, str], name: str) -> None:
    code = (
        "import sys; from task_manager import LockLost, task_lock\n"
        "try:\n"
        "  with task_lock(sys.argv[1], timeout=1) as lock:\n"
        "    print(lock.fencing_number, flush=True); sys.stdin.readline(); print(lock.lost.wait(20), flush=True)\n"
        "except LockLost as error: print(error.reason)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, name], env=BARE | environment, text=True, **pipes) as program:
        assert program.stdout
        number = int(program.stdout.readline())
        program.send_signal(signal.SIGSTOP)
        eventually(lambda: not is_task_locked(name), CALL_SECONDS)
        with task_lock(name) as lock:
            assert lock.fencing_number > number
        program.send_signal(signal.SIGCONT)
        said, _ = program.communicate("go on\n", timeout=CALL_SECONDS)
    assert said.split() == ["True", "LOCK_LOST"]
