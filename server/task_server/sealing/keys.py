"""The keys that secrets are sealed with: the first seals, all of them open."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

_KEY = re.compile(r"[0-9a-fA-F]{64}")


class SealingKeyError(Exception):
    """The keys can not be used. The message is one line that says why and what to do, and shows no key."""


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """One key of 256 bits."""

    raw: bytes

    @property
    def id(self) -> str:
        """What tells it from others; stored beside what it sealed. Of a random key nothing can be learned from it."""
        return hashlib.sha256(b"task-manager sealing key\0" + self.raw).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"SealingKey({self.id})"


class KeyRing:
    """Keys, the one that seals first."""

    def __init__(self, keys: Iterable[SealingKey]) -> None:
        self._keys = {key.id: key for key in keys}
        #: What new secrets are sealed with.
        self.first = next(iter(self._keys.values()))

    @property
    def ids(self) -> frozenset[str]:
        """The keys' ids."""
        return frozenset(self._keys)

    def get(self, key_id: str) -> SealingKey | None:
        """The key with that id, None where it is not here."""
        return self._keys.get(key_id)


def read_keys(text: str, source: str) -> KeyRing:
    """The keys in a text: 64 hexadecimal digits each, apart by white space or commas; a line that begins with `#` is none.

    Parameters:
        source: where the text is from, for the error.

    Raises SealingKeyError.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    words = "\n".join(lines).replace(",", " ").split()
    if not words:
        message = f"{source} has no key in it; write 64 hexadecimal digits, as `openssl rand -hex 32` prints them"
        raise SealingKeyError(message)
    for number, word in enumerate(words, 1):
        if not _KEY.fullmatch(word):
            message = (
                f"key {number} of {source} is none; write 64 hexadecimal digits, as `openssl rand -hex 32` prints them"
            )
            raise SealingKeyError(message)
    return KeyRing(SealingKey(bytes.fromhex(word)) for word in words)


def new_key() -> str:
    """The text of a new key."""
    return secrets.token_hex(32)
