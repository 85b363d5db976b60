"""`task_lock` in a real Celery worker with processes: what it is around runs once at a time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.acceptance_stack import Stack
from tests.broker import BrokerProcess
from tests.processes import BARE

from task_manager import LockHeld, TaskClient

APP = "tests.integration.locked_celery_app"
ROOT = Path(__file__).parents[2]
SECONDS = 90.0


class World:
    """A service, and a worker of the app with four processes."""

    def __init__(self, app: Any, diary: Path, client: TaskClient) -> None:
        self.app = app
        self._diary = diary
        self.client = client

    def diary(self, *first: str) -> list[list[str]]:
        """What tasks have written down, of the lines that begin with one of the words."""
        lines = [line.split() for line in self._diary.read_text().splitlines()]
        return [words for words in lines if words[0] in first]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("locked")
    stack = Stack(directory)
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="tm-") as home, pytest.MonkeyPatch.context() as patch:
        broker = BrokerProcess(Path(home))
        worker: subprocess.Popen[bytes] | None = None
        try:
            broker.start()
            stack.start()
            token = stack.token("shop")
            environment = {
                "LOCKED_BROKER": broker.url,
                "LOCKED_DIARY": str(directory / "diary"),
                "TASK_MANAGER_ADDRESS": stack.grpc_address,
                "TASK_MANAGER_TOKEN": token,
            }
            command = [sys.executable, "-m", "celery", "-A", APP, "worker", "--pool", "prefork", "--concurrency", "4"]
            with (directory / "worker.log").open("w") as log:
                worker = subprocess.Popen(command, cwd=ROOT, env=BARE | environment, stdout=log, stderr=log)
            for name, value in environment.items():
                patch.setenv(name, value)
            yield World(import_module(APP), directory / "diary", stack.client(token))
        finally:
            if worker is not None:
                worker.terminate()
                worker.wait(timeout=60)
            stack.close()
            broker.kill()


def test_a_decorated_task_runs_once_at_a_time(world: World) -> None:
    sent = [world.app.decorated.delay(number) for number in range(12)]
    assert [each.get(timeout=SECONDS) for each in sent] == [2 * number for number in range(12)]
    lines = world.diary("begin", "end")
    begins, ends = lines[::2], lines[1::2]
    assert [words[0] for words in begins] == ["begin"] * 12
    # Whoever began is the next to end.
    assert ends == [["end", number] for _, number, _ in begins]
    assert {is_locked for *_, is_locked in begins} == {"True"}
    # Several processes of the worker took part, and none has kept it.
    assert world.client.get_lock("decorated").owner == ""


def test_a_task_says_that_another_one_runs_or_leaves_it_to_that(world: World) -> None:
    lock = world.client.acquire_lock("busy", "somebody", 600)
    with pytest.raises(LockHeld, match="held by somebody else"):
        world.app.busy.delay().get(timeout=SECONDS)
    assert world.app.skipping.delay().get(timeout=SECONDS) == "left"
    world.client.release_lock(lock)
    assert world.app.busy.delay().get(timeout=SECONDS) is None
    assert world.app.skipping.delay().get(timeout=SECONDS) == "done"


def test_a_process_that_is_killed_keeps_the_lock_until_its_lease_ends(world: World) -> None:
    with pytest.raises(Exception, match="SIGKILL"):
        world.app.fatal.delay(is_last=False).get(timeout=SECONDS)
    number = world.app.fatal.delay(is_last=True).get(timeout=SECONDS)
    numbers = [int(number) for _, number in world.diary("number")]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == number
    assert len(numbers) == 2
