"""The keys that tokens are hashed and page tokens are signed with. All servers of one installation share them.

The file has a key on each line. The first one signs; all of them verify, so that a key can be replaced without a moment in which
what was made before does not work: write the new key above the old one, restart the servers, and remove the old one later.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_BYTES = 32


class SecretKeyError(Exception):
    """The key can not be read or made. The message says why."""


def load_or_create(path: Path) -> list[bytes]:
    """Return the keys in the file, which is made with one and with mode 0600 at first use. Raises SecretKeyError."""
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _create(path)
        return _read(path)
    except OSError as error:
        message = f"the secret key {path} can not be read or made: {error.strerror}"
        raise SecretKeyError(message) from error


def _read(path: Path) -> list[bytes]:
    lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    keys = [line.strip().encode() for line in lines if line.strip()]
    if not keys or any(len(key) < _BYTES for key in keys):
        message = f"a secret key in {path} is shorter than {_BYTES} characters; restore the file, or remove it to make a new one"
        raise SecretKeyError(message)
    return keys


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
