"""Opaque tokens that only this service can have made: pages and watch positions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_SIGNATURE_BYTES = 12


class Signer:
    """Signs short texts. `purpose` keeps a token of one kind from passing as another; what `former_keys` signed passes too."""

    def __init__(self, secret_key: bytes, purpose: str, former_keys: Sequence[bytes] = ()) -> None:
        self._keys = [hmac.new(key, purpose.encode(), hashlib.sha256).digest() for key in (secret_key, *former_keys)]

    def sign(self, text: str) -> str:
        """Return an opaque token that carries the text."""
        payload = text.encode()
        return base64.urlsafe_b64encode(_signature(self._keys[0], payload) + payload).decode().rstrip("=")

    def verify(self, token: str) -> str | None:
        """Return the text of a token, None when this service did not make it."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        fitting = [hmac.compare_digest(signature, _signature(key, payload)) for key in self._keys]
        return payload.decode() if any(fitting) else None


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
