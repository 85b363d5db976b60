"""JSON Web Tokens of issuers that the operator trusts. A token is worth what its issuer signed until its `exp`, and no longer.

Of the header only `alg` and `kid` are looked at, to choose among the issuer's own keys: where it says that keys are to be found
(`jku`, `x5u`, `jwk`, `x5c`) is nothing to us.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from task_server.auth.authenticator import Proof
from task_server.auth.claims import MalformedError, read_part
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.auth.issuer import Issuer
from task_server.auth.key_source import KeySource, key_source
from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller

_log = logging.getLogger(__name__)
_LONGEST_TOKEN = 8 * 1024
_LONGEST_KEY_ID = 200
_CACHE_LIMIT = 10_000
#: What else `typ` may say, a logout token or a proof for example, is signed with the same keys for another purpose.
_TYPES = ("jwt", "at+jwt", "application/at+jwt")


class JsonWebTokens:
    """Recognises callers by tokens of these issuers."""

    def __init__(self, issuers: Sequence[Issuer], source: Callable[[Issuer], KeySource] = key_source) -> None:
        """Find the keys. Raises KeySetError."""
        self._issuers = {issuer.issuer: (issuer, source(issuer)) for issuer in issuers}
        self._signatures = PyJWS(options={"enforce_minimum_key_length": True})
        self._hash_key = os.urandom(32)
        self._lock = threading.Lock()
        #: By what a token hashes to: the source and the state of the keys that it was verified with, its end, its caller.
        self._verified: dict[bytes, tuple[KeySource, int, float, Caller]] = {}

    def takes(self, credentials: Credentials) -> bool:
        """Whether these are three parts between dots, as no other kind of token is."""
        return credentials.bearer.count(".") == 2 and not credentials.bearer.startswith("tsk_")

    def prove(self, credentials: Credentials) -> Proof:
        """The caller whom a token proves. Raises InvalidCredentials, with the same words whatever is wrong with it."""
        token = credentials.bearer
        # What a token is refused for may not depend on how long it takes to hash it.
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise InvalidCredentials(REFUSAL)
        key = hashlib.blake2b(token.encode(), key=self._hash_key, digest_size=32).digest()
        now = time.time()
        with self._lock:
            known = self._verified.get(key)
        if known is not None and known[0].keys() is not None and known[1] == known[0].generation and now < known[2]:
            return Proof(known[3], known[2] - now)
        try:
            source, generation, end, caller = self._verify(token, now)
        except (MalformedError, PyJWTError, ValueError, TypeError) as error:
            _log.info("a JSON Web Token was refused: %s", error)
            raise InvalidCredentials(REFUSAL) from None
        with self._lock:
            if len(self._verified) >= _CACHE_LIMIT:
                self._verified.clear()
            self._verified[key] = (source, generation, end, caller)
        return Proof(caller, end - now)

    def close(self) -> None:
        """End what asks for keys."""
        for _, source in self._issuers.values():
            source.close()

    def _verify(self, token: str, now: float) -> tuple[KeySource, int, float, Caller]:
        header, claims = (read_part(part) for part in token.split(".")[:2])
        said = claims.get("iss")
        issuer, source = self._issuers.get(said if isinstance(said, str) else "", (None, None))
        if issuer is None or source is None:
            raise MalformedError("its issuer is not known")
        # First what costs nothing: who may not come in any case has no keys asked for.
        end = issuer.end_of(claims, now)
        algorithm, key_id = self._chosen(header, issuer)
        generation = source.generation
        found = self._key(source, key_id, algorithm)
        if found is None:
            source.wait_for_newer()
            generation = source.generation
            found = self._key(source, key_id, algorithm)
        if found is None:
            raise MalformedError("its key is not known, or there are none")
        self._signatures.decode(token, found, algorithms=[algorithm])
        return source, generation, end, issuer.caller(claims)

    def _chosen(self, header: dict[str, Any], issuer: Issuer) -> tuple[str, str | None]:
        algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
            raise MalformedError("its algorithm is not allowed")
        if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= _LONGEST_KEY_ID):
            raise MalformedError("kid is no id of a key")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise MalformedError("typ is another")
        if {"crit", "b64", "zip"} & header.keys():
            raise MalformedError("it asks for what is not done here")
        return algorithm, key_id

    @staticmethod
    def _key(source: KeySource, key_id: str | None, algorithm: str) -> PyJWK | None:
        keys = source.keys()
        return keys.find(key_id, algorithm) if keys is not None else None
