"""The directory of the one-machine stack: who owns it, and the admin's token in it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from task_server.embedded.errors import StackError

#: How long the broker of a killed `up` may take to end and give up the directory.
_HANDOVER_SECONDS = 10.0


class DataDir:
    """The data directory, made if need be (mode 0700) and owned by this process until it is closed.

    The lock is an flock on `up.lock`, which also holds the owner's process id. The broker inherits it, so that a killed `up` leaves
    the directory locked until its broker has stopped writing there. After a clean end the file is empty.
    """

    def __init__(self, path: Path, handover_seconds: float = _HANDOVER_SECONDS) -> None:
        """Make and lock the directory. Raises StackError if it can not be written or another `up` owns it."""
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.lock_fd = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StackError(
                f"the data directory {self.path} can not be used: {error.strerror}; "
                "choose one that this user can write with --data-dir"
            ) from error
        try:
            #: Whether the last owner did not end cleanly: its children may still be ending.
            self.taken_over = self._lock(handover_seconds) != ""
            self._write(str(os.getpid()))
        except BaseException:
            os.close(self.lock_fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")
        os.close(self.lock_fd)

    @property
    def admin_token(self) -> Path:
        """The file with the admin's key."""
        return admin_token_path(self.path)

    def _lock(self, handover_seconds: float) -> str:
        """Take the lock and return what the last owner left in the file."""
        deadline = time.monotonic() + handover_seconds
        while True:
            try:
                fcntl.flock(self.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = self._read()
                if not owner.isdigit() or _is_alive(int(owner)):
                    raise StackError(
                        f"the data directory {self.path} is in use by another `task-server up` (process {owner or '?'}); "
                        "stop that one or choose another --data-dir"
                    ) from None
                if time.monotonic() >= deadline:
                    raise StackError(
                        f"the data directory {self.path} is still in use by the broker of a `task-server up` that was killed "
                        f"(process {owner}); stop that broker"
                    ) from None
                time.sleep(0.05)
            else:
                return self._read()

    def _read(self) -> str:
        return os.pread(self.lock_fd, 32, 0).decode("ascii", "replace")

    def _write(self, text: str) -> None:
        os.ftruncate(self.lock_fd, 0)
        os.pwrite(self.lock_fd, text.encode("ascii"), 0)


def admin_token_path(data_dir: Path) -> Path:
    """Return where the admin's key of the data directory is kept."""
    return data_dir / "admin.token"


def ensure_admin_token(path: Path, database_has_tokens: bool, make: Callable[[], str]) -> bool:
    """Write the key that `make` returns to `path` (mode 0600) unless a valid one is there; tell whether it was written.

    A missing file means a crash between making the token and writing it, or that somebody removed it: a new one is made; the old
    one is known to nobody. A database without any token means that the file is of another database.
    Raises StackError if the file can not be written.
    """
    if database_has_tokens and path.exists():
        return False
    key = make()
    try:
        _write_private(path, key + "\n")
    except OSError as error:
        raise StackError(f"the admin's token can not be written to {path}: {error.strerror}") from error
    return True


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that after a crash is either there whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
