"""The key that tokens are hashed and page tokens are signed with. All servers of one installation share it."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_BYTES = 32


class SecretKeyError(Exception):
    """The key can not be read or made. The message says why."""


def load_or_create(path: Path) -> bytes:
    """Return the key in the file, which is made with mode 0600 at first use. Raises SecretKeyError."""
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _create(path)
        return _read(path)
    except OSError as error:
        message = f"the secret key {path} can not be read or made: {error.strerror}"
        raise SecretKeyError(message) from error


def _read(path: Path) -> bytes:
    key = path.read_text(encoding="ascii", errors="replace").strip().encode()
    if len(key) < _BYTES:
        message = (
            f"the secret key {path} is shorter than {_BYTES} characters; restore it, or remove it to make a new one"
        )
        raise SecretKeyError(message)
    return key


def _create(path: Path) -> None:
    """Make the file whole or not at all, and keep one that another process made first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
