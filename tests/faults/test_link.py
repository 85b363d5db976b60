"""The link that the partitions are made with: what goes over it is held back while it is silent, and is not lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.faults.link import Link


def _echo(listener: socket.socket) -> None:
    """Answer each connection with what it says, until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,)).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        try:
            while said := connection.recv(1000):
                connection.sendall(said)
        except OSError:
            return  # reset, which is what the link is to do


@pytest.fixture
def link() -> Iterator[Link]:
    """A link to a server that says what it is told."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        answering = threading.Thread(target=_echo, args=(listener,))
        answering.start()
        with closing(Link(listener.getsockname()[1])) as link:
            yield link
        listener.shutdown(socket.SHUT_RDWR)
    answering.join()


def _connected(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=10)


def _says(connection: socket.socket, what: bytes) -> bytes:
    connection.sendall(what)
    return connection.recv(1000)


def test_what_is_said_while_it_is_silent_comes_when_it_speaks(link: Link) -> None:
    with _connected(link) as before:
        assert _says(before, b"one") == b"one"
        link.silence()
        with _connected(link) as meanwhile:
            for connection in (before, meanwhile):
                connection.sendall(b"two")
                connection.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    connection.recv(1000)
                connection.settimeout(10)
            link.speak()
            assert before.recv(1000) == meanwhile.recv(1000) == b"two"


def test_what_it_forgets_is_reset_and_others_may_come(link: Link) -> None:
    with _connected(link) as before:
        assert _says(before, b"one") == b"one"
        link.silence()
        link.forget()
        link.speak()
        with pytest.raises(ConnectionResetError):
            before.recv(1000)
    with _connected(link) as after:
        assert _says(after, b"two") == b"two"


def test_where_nobody_listens_the_connection_ends() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    with closing(Link(port)) as link, _connected(link) as connection:
        assert connection.recv(1000) == b""
