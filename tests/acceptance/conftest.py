"""One stack for the whole session, started once; a factory of stacks for tests that break things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance_api import Api, Rest
from acceptance_stack import Stack, standing
from acceptance_target import Target

from task_manager import TaskClient

#: API tasks may call the target, which is on loopback.
EGRESS = "127.0.0.1/32=*"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack. At the end it exits 0, leaves nobody behind, and has logged no defect of its own."""
    settings = {"EGRESS_ALLOW": EGRESS, "RUN_MEMORY_BYTES": str(96 * 1024 * 1024)}
    with standing(tmp_path_factory.mktemp("stack"), **settings) as stack:
        yield stack
    assert stack.faults() == []


@pytest.fixture
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Makes stacks, not started yet, that the test may break. `settings` are TASK_SERVER_… without the prefix."""
    stacks: list[Stack] = []

    def make(directory: Path | None = None, **settings: str) -> Stack:
        stacks.append(Stack(directory or tmp_path_factory.mktemp("stack"), **settings))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.close()


@pytest.fixture(scope="session")
def client(stack: Stack) -> TaskClient:
    """The admin's client."""
    return stack.client()


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    """Both ports, as the admin."""
    return stack.api()


@pytest.fixture(scope="session")
def rest(api: Api) -> Rest:
    """The REST port, as the admin."""
    return api.rest


@pytest.fixture(scope="session")
def bob(stack: Stack) -> Api:
    """Both ports, as another user, who is no admin."""
    return stack.api(stack.token("bob"))


@pytest.fixture(scope="session")
def running_target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


@pytest.fixture
def target(running_target: Target) -> Target:
    """The HTTP server that API tasks call, with no request yet."""
    running_target.forget()
    return running_target
