"""Where a process has its sealing keys from: the environment, or a file that may change while it runs."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
import threading
from pathlib import Path
from typing import Protocol

from task_server.sealing.keys import KeyRing, SealingKeyError, new_key, read_keys

_log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Says which keys there are now."""

    def current(self) -> KeyRing:
        """The keys."""


class GivenKeys:
    """Keys that stay as they were given."""

    def __init__(self, text: str, source: str) -> None:
        self._ring = read_keys(text, source)

    def current(self) -> KeyRing:
        """The keys."""
        return self._ring


class KeyFile:
    """Keys in a file, which is read again whenever it has changed: so keys are rotated without a restart.

    A file that can not be read any more leaves the keys as they were, with a line in the log.

    Raises SealingKeyError where it can not be read at first, or others than its owner may read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._mark, self._ring = self._read()

    def current(self) -> KeyRing:
        """The keys."""
        with self._lock:
            try:
                if _mark(self.path.stat()) != self._mark:
                    self._mark, self._ring = self._read()
            except (OSError, SealingKeyError) as error:
                if self._mark is not None:
                    _log.error("the sealing keys stay as they were: %s", _reason(error))
                self._mark = None
            return self._ring

    def _read(self) -> tuple[tuple[int, ...] | None, KeyRing]:
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                text = file.read().decode("ascii", "replace")
        except OSError as error:
            message = f"the sealing key file {self.path} can not be read: {error.strerror}"
            raise SealingKeyError(message) from error
        if stat.S_IMODE(found.st_mode) & 0o077:
            message = f"others may read or write the sealing key file {self.path}; run: chmod 400 {self.path}"
            raise SealingKeyError(message)
        return _mark(found), read_keys(text, f"the sealing key file {self.path}")


def make_key_file(path: Path) -> None:
    """Make a file with one new key, mode 0600, whole or not at all; one that is there stays. Raises SealingKeyError."""
    if not path.exists():
        _write(path, f"{new_key()}\n", replace=False)


def add_first_key(path: Path) -> str:
    """Put a new key before those in the file, for what is sealed from now on; return its id. Raises SealingKeyError."""
    KeyFile(path)
    key = new_key()
    _write(path, f"{key}\n{path.read_text(encoding='ascii')}", replace=True)
    return KeyFile(path).current().first.id


def _write(path: Path, text: str, *, replace: bool) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if replace else 0o600
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
    except OSError as error:
        message = f"the sealing key file {path} can not be written: {error.strerror}"
        raise SealingKeyError(message) from error
    finally:
        draft.unlink(missing_ok=True)


def _mark(found: os.stat_result) -> tuple[int, ...]:
    """What changes with a file."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def _reason(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
