"""What stays on this machine."""

from __future__ import annotations

import socket

import pytest

from task_server.tls.loopback import host_of, is_local


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:50051",
        "127.255.0.9:1",
        "localhost:8080",
        "[::1]:50051",
        "[::ffff:127.0.0.1]:1",
        "unix:/run/task.sock",
        "unix:///run/task.sock",
        "unix-abstract:task",
        "dns:///localhost:50051",
        "ipv4:127.0.0.1:1,127.0.0.2:1",
        "2130706433:80",
        "127.0.0.1",
        "::1",
    ],
)
def test_loopback_and_unix_sockets_are_local(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:50051",
        "[::]:50051",
        ":50051",
        "",
        "10.0.0.1:50051",
        "192.0.2.1",
        "[::ffff:10.0.0.1]:1",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
        "127.0.0.1.invalid:1",
        "localhost.invalid:1",
        "vsock:2:1",
        "unixodd:/x",
        "a\0b:1",
        "ü" * 70 + ":1",
    ],
)
def test_everything_else_is_not_nor_what_does_not_resolve(address: str) -> None:
    assert not is_local(address)


def test_a_name_is_local_only_if_all_its_addresses_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(*found: str) -> None:
        result = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: result)

    answers("127.0.0.1", "::1")
    assert is_local("here:1")
    answers("127.0.0.1", "10.0.0.1")
    assert not is_local("here:1")
    answers()
    assert not is_local("here:1")


@pytest.mark.parametrize(
    ("address", "host"), [("a:1", "a"), ("[::1]:1", "::1"), ("::1", "::1"), ("a", "a"), ("[::1]", "::1")]
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host
