"""Opaque tokens that only this service can have made: pages and watch positions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_SIGNATURE_BYTES = 12


class Signer:
    """Signs short texts. `purpose` keeps a token of one kind from passing as another."""

    def __init__(self, secret_key: bytes, purpose: str) -> None:
        self._key = hmac.new(secret_key, purpose.encode(), hashlib.sha256).digest()

    def sign(self, text: str) -> str:
        """Return an opaque token that carries the text."""
        payload = text.encode()
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def verify(self, token: str) -> str | None:
        """Return the text of a token, None when this service did not make it."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        return payload.decode() if hmac.compare_digest(signature, self._signature(payload)) else None

    def _signature(self, payload: bytes) -> bytes:
        return hmac.new(self._key, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
