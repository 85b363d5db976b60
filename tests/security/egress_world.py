"""For attacks on outgoing calls: real listeners on loopback addresses, a resolver that lies, a witness of every connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from task_server.domain.actions import HttpAction
from task_server.executors.connection import DirectDialer
from task_server.executors.egress import EgressPolicy
from task_server.executors.executor import AttemptId
from task_server.executors.http_runner import call
from task_server.executors.request import first_request

TLS = ssl.create_default_context()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: The addresses that `connect` was asked for in this process: the last word on what was sent where. A hook can not be taken away.
CONNECTED: list[Any] = []


def _witness(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        CONNECTED.append(args[1])


sys.addaudithook(_witness)

Reply = bytes | Callable[[socket.socket], None]


class Listener:
    """A server on one address. It keeps what it is sent, and answers each connection with the next of its replies."""

    def __init__(
        self, *replies: Reply, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family)
        self._replies = list(replies) or [OK]
        self._tls = tls
        self.address, self.port = self._socket.getsockname()[:2]
        self.connections = 0
        self.received: list[bytes] = []
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address}:{self.port}"

    @property
    def heads(self) -> list[str]:
        """The requests without their bodies."""
        return [each.partition(b"\r\n\r\n")[0].decode("latin-1") for each in self.received]

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for thread in self._threads[1:]:
            thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            reply = self._replies[min(self.connections, len(self._replies) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._answer, args=(connection, reply))
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket, reply: Reply) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self.received.append(_request(connection))
                if callable(reply):
                    reply(connection)
                else:
                    connection.sendall(reply)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


class Names:
    """A resolver: each look-up of a name gives its next answer, the last one again and again.

    Addresses are read as the system reads them.
    """

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[Any]:
        self.asked.append(host)
        answers = self._answers.get(host.removesuffix("."))
        if answers is None:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]


def redirect(status: int, location: str) -> bytes:
    """An answer that leads elsewhere."""
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def get(url: str, policy: EgressPolicy, resolve: Any = None, tls: ssl.SSLContext | None = None, **fields: Any) -> Any:
    """Make a call in this process; the last request and its answer."""
    return call(
        first_request(HttpAction(url=url, **fields), AttemptId("execution-1", 1)),
        fields.get("expected_status", ()),
        lambda target: DirectDialer(target, policy, resolve or Names()),
        tls or TLS,
        max_body_bytes=256 * 1024,
    )


@contextlib.contextmanager
def nothing_is_sent(*listeners: Listener) -> Iterator[None]:
    """No connection is asked for within, to whatever address, and none reaches the listeners."""
    before, counts = len(CONNECTED), [listener.connections for listener in listeners]
    yield
    assert CONNECTED[before:] == []
    assert [listener.connections for listener in listeners] == counts
