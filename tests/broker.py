"""A real broker for tests: the bundled Valkey on a Unix socket, one for each test that asks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from task_server.embedded.broker import find_binary


class BrokerProcess:
    """A broker that can be killed, paused and started again on the same socket."""

    def __init__(self, home: Path) -> None:
        self._socket = home / "b.sock"
        self.url = f"redis+socket://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._socket.unlink(missing_ok=True)
        command = [
            str(find_binary()),
            "--port",
            "0",
            "--unixsocket",
            str(self._socket),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._process = subprocess.Popen(command, cwd=self._socket.parent, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self._socket))
                except OSError:
                    assert time.monotonic() < deadline, "the broker did not start"
                    time.sleep(0.01)
                else:
                    return

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it without warning; whatever it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    """A running broker."""
    # Socket paths are limited to 107 bytes, which pytest's own folders often exceed.
    with tempfile.TemporaryDirectory(prefix="tm-") as home:
        process = BrokerProcess(Path(home))
        process.start()
        yield process
        process.signal(signal.SIGCONT) if process._process else None
        process.kill()
