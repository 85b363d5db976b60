from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from client_harness import LoopbackServer, Servicer

from task_manager import TaskClient, connection
from task_manager.connection import Connection, configured, default_client
from task_manager.v1.task_pb2 import Task

# ruff: noqa: N802 - gRPC's names


class Names(Servicer):
    """Answers with the id that was asked for."""

    def GetTask(self, request: Any, context: Any) -> Task:
        return Task(task_id=request.task_id)


@pytest.fixture
def django(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    settings = SimpleNamespace(configured=True)
    module = ModuleType("django.conf")
    module.settings = settings  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.conf", module)
    return settings


@pytest.fixture
def address(serve: Callable[[Servicer], LoopbackServer], monkeypatch: pytest.MonkeyPatch) -> str:
    where = serve(Names()).address
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", where)
    return where


def test_a_program_without_django_has_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "django.conf", raising=False)
    assert configured() == {}
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", "localhost:1")
    assert configured() == {"address": "localhost:1"}


def test_django_settings_that_nobody_made_are_not_asked(
    django: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    django.configured, django.TASK_MANAGER_ADDRESS = False, "localhost:1"
    assert configured() == {}
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project.settings")
    assert configured() == {"address": "localhost:1"}


def test_django_settings_name_address_token_and_files(django: SimpleNamespace) -> None:
    django.TASK_MANAGER_ADDRESS, django.TASK_MANAGER_TOKEN = "localhost:1", "tsk_django"
    django.TASK_MANAGER_CA_FILE, django.TASK_MANAGER_CERT_FILE = "ca.pem", ""
    assert configured() == {"address": "localhost:1", "token": "tsk_django", "ca_file": "ca.pem"}


def test_the_environment_comes_before_django_settings(django: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    django.TASK_MANAGER_ADDRESS, django.TASK_MANAGER_TOKEN = "localhost:1", "tsk_django"
    monkeypatch.setenv("TASK_MANAGER_ADDRESS", "localhost:2")
    monkeypatch.setenv("TASK_MANAGER_TOKEN", "")
    assert configured() == {"address": "localhost:2", "token": "tsk_django"}


def test_threads_share_one_client(address: str) -> None:
    shared = Connection()
    barrier = threading.Barrier(8)

    def ask(_: int) -> TaskClient:
        barrier.wait()
        return shared.client()

    with ThreadPoolExecutor(8) as pool:
        (client,) = set(pool.map(ask, range(8)))
    with client:
        assert client.get("t1").task_id == "t1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_makes_its_own(address: str) -> None:
    program = """
import os, threading
from task_manager.connection import default_client

parents = default_client()
assert parents.get("t1").task_id == "t1"
calling, done = threading.Event(), threading.Event()

def call():
    while not done.is_set():
        parents.get("t2")
        calling.set()

# Some children come of a process that is in the middle of calls.
caller = threading.Thread(target=call)
for number in range(6):
    if number == 3:
        caller.start()
        calling.wait()
    child = os.fork()
    if child == 0:
        assert default_client() is not parents
        os._exit(0 if default_client().get("t3").task_id == "t3" else 1)
    assert os.waitpid(child, 0)[1] == 0
done.set()
caller.join()
assert default_client() is parents
print(parents.get("t4").task_id)
"""
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "t4\n"), done.stderr


def test_the_process_has_one(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_connection", Connection())
    with default_client() as client:
        assert default_client() is client
        assert client.get("t1").task_id == "t1"
