"""Fingerprints: whether two secrets of an owner are the same, without a way to find out what they are."""

from __future__ import annotations

import hashlib
import hmac

from task_server.domain.secret import Secret

_CHARACTERS = 16


class Fingerprints:
    """Makes fingerprints under the servers' secret key: who does not have that can not try values. Rotation of the sealing keys
    leaves them as they are.
    """

    def __init__(self, secret_key: bytes) -> None:
        self._key = hmac.new(secret_key, b"secret fingerprints", hashlib.sha256).digest()

    def of(self, owner_id: str, secret: Secret) -> str:
        """The fingerprint; another one for another owner."""
        owner = owner_id.encode()
        text = len(owner).to_bytes(4, "big") + owner + secret.plain.encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:_CHARACTERS]
