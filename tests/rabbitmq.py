"""A RabbitMQ for tests: a node of its own in a temporary directory, which listens on the loopback interface alone.

Without RabbitMQ's programs a test that asks for it is skipped; in CI, which installs them, it fails.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.acceptance_stack import eventually
from tests.processes import free_port

#: The one on Debian's PATH gives up root, and its own directory is then that of the machine's node.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 90.0
_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.console = false
log.file.level = warning
"""


class RabbitProcess:
    """A node that can be killed and started again on the same port, with the queues that it had."""

    def __init__(self, home: Path, program: Path) -> None:
        self._home = home
        self._program = program
        self._port, self._names_port = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        self._processes: list[subprocess.Popen[bytes]] = []
        (home / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self._port))
        (home / "enabled_plugins").write_text("[].")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # Erlang would start one by itself, and leave it behind.
        self._run("epmd", "-address", "127.0.0.1", "-port", str(self._names_port))
        eventually(lambda: _listens(self._names_port), _START_SECONDS, "epmd listens")
        self._run(str(self._program))
        eventually(lambda: _listens(self._port), _START_SECONDS, f"RabbitMQ listens; its log is in {self._home}")

    def kill(self) -> None:
        """End it without warning."""
        while self._processes:
            process = self._processes.pop()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, *command: str) -> None:
        environment = {
            "HOME": str(self._home),
            "PATH": os.environ["PATH"],
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
            "RABBITMQ_CONFIG_FILE": str(self._home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "enabled_plugins"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
        }
        with (self._home / "output.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def rabbitmq() -> Iterator[RabbitProcess]:
    """A running node."""
    found = _DEBIAN if _DEBIAN.exists() else shutil.which("rabbitmq-server")
    if found is None:
        message = "rabbitmq-server is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with tempfile.TemporaryDirectory(prefix="tm-") as home:
        node = RabbitProcess(Path(home), Path(found))
        try:
            node.start()
            yield node
        finally:
            node.kill()
