"""The addresses of the stack: any free port for port 0, one line for a port in use."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from task_server.embedded.addresses import claim, split
from task_server.embedded.errors import StackError


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_port_0_becomes_a_free_port() -> None:
    host, port = split(claim("127.0.0.1:0", "grpc_address"), "grpc_address")
    assert host == "127.0.0.1"
    socket.create_server((host, port)).close()


def test_a_port_in_use_is_said_with_its_setting(listener: socket.socket) -> None:
    with (
        listener,
        pytest.raises(StackError, match=r"http_address 127\.0\.0\.1:\d+: the port is in use by another program"),
    ):
        claim(f"127.0.0.1:{listener.getsockname()[1]}", "http_address")


def test_a_port_shared_by_reuseport_counts_as_in_use() -> None:
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        with pytest.raises(StackError, match="in use"):
            claim(f"127.0.0.1:{shared.getsockname()[1]}", "grpc_address")


def test_a_port_that_a_killed_predecessor_still_holds_is_waited_for(listener: socket.socket) -> None:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    closer = threading.Timer(0.3, listener.close)
    closer.start()
    assert claim(address, "grpc_address", patience=30.0) == address
    closer.join()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("8080", "must be host:port"),
        ("localhost:http", "must be host:port"),
        ("localhost:65536", "must be host:port"),
        ("192.0.2.1:0", "this machine has no such address"),
        ("no-such-host.invalid:0", "the host can not be resolved"),
    ],
)
def test_an_address_that_can_not_be_listened_on_is_said(address: str, reason: str) -> None:
    with pytest.raises(StackError, match=reason):
        claim(address, "http_address")


def test_a_unix_socket_that_nobody_serves_is_free_and_one_that_is_served_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert claim(f"unix:{path}", "grpc_address") == f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(StackError, match="another program listens there"):
            claim(f"unix:{path}", "grpc_address")
    assert claim(f"unix:{path}", "grpc_address") == f"unix:{path}"
