"""Tokens: `tsk_<id>_<secret>`. The database keeps a keyed hash of the secret.

The secret has 256 random bits, so a slow password hash would add nothing but 33 ms a call.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time

from task_server.domain.errors import InvalidCredentials
from task_server.domain.owner import Caller, Owner, Role
from task_server.store import tokens
from task_server.store.database import Database

_FORM = re.compile(r"tsk_([0-9a-f]{16})_([0-9a-f]{64})")
#: How long a token that worked is believed without asking the database again: a revocation is seen within this time.
_TRUST_SECONDS = 5.0
_CACHE_LIMIT = 10_000
_REFUSAL = (
    "Send a valid token: 'authorization: Bearer tsk_...'. This one is missing, malformed, unknown, expired or revoked."
)


class Tokens:
    """Makes tokens and recognises callers by them."""

    def __init__(self, database: Database, secret_key: bytes) -> None:
        self._database = database
        self._key = secret_key
        self._lock = threading.Lock()
        self._trusted: dict[str, tuple[float, Caller]] = {}

    def create(self, owner: Owner, role: Role) -> str:
        """Store a new token and return its key, which can not be shown again."""
        token_id, secret = secrets.token_hex(8), secrets.token_hex(32)
        with self._database.write():
            tokens.insert(
                tokens.StoredToken(
                    id=token_id,
                    secret_hash=self._hash(secret),
                    owner=owner,
                    role=role,
                    created_at=self._database.now(),
                )
            )
        return f"tsk_{token_id}_{secret}"

    def exist(self) -> bool:
        """Whether any token was ever made."""
        with self._database.read():
            return tokens.exists()

    def trusted(self, key: str) -> Caller | None:
        """The caller whom this key proved lately; None means that `authenticate` has to ask the database."""
        with self._lock:
            entry = self._trusted.get(self._hash(key))
        return entry[1] if entry is not None and time.monotonic() < entry[0] else None

    def authenticate(self, key: str) -> Caller:
        """The caller whom this key proves. Raises InvalidCredentials, with the same words whatever is wrong with it."""
        match = _FORM.fullmatch(key)
        stored = None
        if match is not None:
            with self._database.read():
                stored = tokens.get(match[1])
                now = self._database.now()
        # An unknown id costs the same comparison as a known one.
        expected = stored.secret_hash if stored else self._hash("")
        given = self._hash(match[2] if match else "")
        if not hmac.compare_digest(expected, given) or stored is None or not stored.works_at(now):
            raise InvalidCredentials(_REFUSAL)
        caller = Caller(owner=stored.owner, role=stored.role, token_id=stored.id)
        with self._lock:
            if len(self._trusted) >= _CACHE_LIMIT:
                self._trusted.clear()
            self._trusted[self._hash(key)] = (time.monotonic() + _TRUST_SECONDS, caller)
        return caller

    def _hash(self, secret: str) -> str:
        return hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()


def bearer(values: list[str]) -> str:
    """The key in the `authorization` metadata. Raises InvalidCredentials unless there is exactly one Bearer value."""
    if len(values) != 1 or not values[0][:7].lower() == "bearer ":
        raise InvalidCredentials(_REFUSAL)
    return values[0][7:].strip()
