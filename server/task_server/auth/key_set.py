"""The public keys of an issuer, as a JWK set has them."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

#: The algorithms that there are, by the kind of key and its curve. Each needs a public key: with a secret one, whoever knows the
#: public keys could sign.
ALGORITHMS = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
#: The parts of public keys: a private one that stands in a set by mistake is not taken in.
_PUBLIC = ("kty", "crv", "n", "e", "x", "y")
_MOST_KEYS = 100


class KeySetError(Exception):
    """There is no key to verify anything with."""


class KeySet:
    """Keys by id and algorithm."""

    def __init__(self, content: bytes, algorithms: Collection[str]) -> None:
        """Read a JWK set. Keys of other kinds and purposes are left out. Raises KeySetError where none is left."""
        try:
            listed = json.loads(content)["keys"]
            found = [key for key in listed if isinstance(key, dict)]
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise KeySetError("it is no JWK set") from error
        self._keys: list[tuple[str | None, str, PyJWK]] = []
        for key in found[:_MOST_KEYS]:
            self._add(key, algorithms)
        if not self._keys:
            raise KeySetError("it has no key for the algorithms of this issuer")

    def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """The key, None where there is none; without an id the only one for the algorithm."""
        fitting = [key for its_id, its_algorithm, key in self._keys if its_algorithm == algorithm]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for its_id, _, key in self._keys if its_id == key_id and key in fitting), None)

    def _add(self, key: dict[str, Any], algorithms: Collection[str]) -> None:
        if key.get("use", "sig") != "sig" or "verify" not in (key.get("key_ops") or ["verify"]):
            return
        kind = (str(key.get("kty")), None if key.get("kty") == "RSA" else str(key.get("crv")))
        for algorithm in ALGORITHMS.get(kind, ()):
            if algorithm in algorithms and key.get("alg", algorithm) == algorithm:
                try:
                    made = PyJWK({name: key[name] for name in _PUBLIC if name in key}, algorithm)
                except PyJWTError:
                    continue
                key_id = key.get("kid")
                self._keys.append((key_id if isinstance(key_id, str) else None, algorithm, made))
