"""Sealing and opening: AES-256-GCM, bound to the place that the secret is for.

A sealed secret is the version of this format (1 byte), a random nonce (12) and what AES-GCM makes (the length of the secret, and
16). Authenticated with it, and stored nowhere else, is its place: version, key, owner, task, kind and name. Moved to another
row, or given another owner, it does not open. Random nonces of 96 bits allow 2^32 secrets for one key (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from typing import TYPE_CHECKING

from task_server.domain.errors import SealingUnavailable
from task_server.domain.secret import SealedSecret, Secret, SecretKind
from task_server.sealing.key_source import KeySource
from task_server.sealing.keys import KeyRing, SealingKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16


class CannotOpen(Exception):
    """A sealed secret can not be opened. The message says why, for operators, and shows nothing of it."""


class KeyMissing(CannotOpen):
    """It was sealed with a key that is not here."""


class Sealer:
    """Seals and opens. None for the keys: it can do neither."""

    def __init__(self, keys: KeySource | None = None) -> None:
        self._keys = keys

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of the keys that are here."""
        return self._keys.current().ids if self._keys else frozenset()

    @property
    def first_key_id(self) -> str:
        """The id of the key that seals. Raises SealingUnavailable."""
        return self._ring().first.id

    def seal(self, secret: Secret, *, owner_id: str, task_id: str, kind: SecretKind, name: str) -> SealedSecret:
        """Seal a secret for its place. Raises SealingUnavailable."""
        key = self._ring().first
        nonce = os.urandom(_NONCE_BYTES)
        place = _place(key.id, owner_id, task_id, kind, name)
        raw = bytes([_VERSION]) + nonce + _cipher(key).encrypt(nonce, secret.plain.encode(), place)
        return SealedSecret(
            owner_id=owner_id,
            task_id=task_id,
            kind=kind,
            name=name,
            key_id=key.id,
            sealed=base64.b64encode(raw).decode("ascii"),
        )

    def open(self, sealed: SealedSecret) -> Secret:
        """Open a sealed secret. Raises CannotOpen."""
        key = self._keys.current().get(sealed.key_id) if self._keys else None
        what = f"the {sealed.kind} {sealed.name!r}"
        if key is None:
            message = f"{what} was sealed with key {sealed.key_id}, which this process does not have"
            raise KeyMissing(message)
        from cryptography.exceptions import InvalidTag

        place = _place(key.id, sealed.owner_id, sealed.task_id, sealed.kind, sealed.name)
        try:
            raw = base64.b64decode(sealed.sealed, validate=True)
            if len(raw) < 1 + _NONCE_BYTES + _TAG_BYTES or raw[0] != _VERSION:
                raise ValueError
            nonce, rest = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
            return Secret(_cipher(key).decrypt(nonce, rest, place).decode())
        except (InvalidTag, ValueError, binascii.Error):
            message = f"{what} was damaged, or sealed for another task or owner"
            raise CannotOpen(message) from None

    def _ring(self) -> KeyRing:
        if self._keys is None:
            raise SealingUnavailable("sealing_key_file")
        return self._keys.current()


def _place(key_id: str, owner_id: str, task_id: str, kind: SecretKind, name: str) -> bytes:
    # As a JSON list no two places look the same.
    return json.dumps([_VERSION, key_id, owner_id, task_id, kind.value, name]).encode()


def _cipher(key: SealingKey) -> AESGCM:
    # Most processes never meet a secret, and need not pay for this.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.raw)
