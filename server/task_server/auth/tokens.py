"""Tokens: `tsk_<id>_<secret>`. The database keeps a keyed hash of the secret.

The secret has 256 random bits, so a slow password hash would add nothing but 33 ms a call.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import TypedDict, Unpack

from task_server.auth.authenticator import Proof
from task_server.auth.credentials import REFUSAL, Credentials
from task_server.domain.clock import SECOND, Micros
from task_server.domain.errors import DatabaseUnavailable, InvalidCredentials
from task_server.domain.owner import DEFAULT_GRANTS, Caller, Grant, Owner, Role
from task_server.store import tokens
from task_server.store.database import Database

_log = logging.getLogger(__name__)
_PREFIX = "tsk_"
_FORM = re.compile(r"tsk_([0-9a-f]{16})_([0-9a-f]{64})")


class Facts(TypedDict, total=False):
    """What may be said of a new token."""

    #: Without them it has those of its role.
    grants: Iterable[Grant] | None
    name: str
    expires_at: Micros | None


def token_id(key: str) -> str:
    """The id in a key that `Tokens.create` made."""
    return key.split("_")[1]


class Tokens:
    """Makes tokens, and recognises callers by them.

    Parameters:
        secret_key: what secrets are hashed with.
        former_keys: what they were hashed with before. Such a token works on, and is hashed anew when it does.
    """

    def __init__(self, database: Database, secret_key: bytes, former_keys: Sequence[bytes] = ()) -> None:
        self._database = database
        self._keys = [secret_key, *former_keys]

    def create(self, owner: Owner, role: Role, **facts: Unpack[Facts]) -> str:
        """Store a new token and return its key, which can not be shown again."""
        with self._database.write():
            key, token = self.make(owner, role, self._database.now(), **facts)
            tokens.insert(token)
        return key

    def make(self, owner: Owner, role: Role, now: Micros, **facts: Unpack[Facts]) -> tuple[str, tokens.StoredToken]:
        """The key of a new token, and what is to be stored of it."""
        new_id, secret = secrets.token_hex(8), secrets.token_hex(32)
        grants = facts.get("grants")
        token = tokens.StoredToken(
            id=new_id,
            secret_hash=_hash(self._keys[0], secret),
            owner=owner,
            role=role,
            grants=frozenset(DEFAULT_GRANTS[role] if grants is None else grants),
            name=facts.get("name", ""),
            created_at=now,
            expires_at=facts.get("expires_at"),
        )
        return f"{_PREFIX}{new_id}_{secret}", token

    def exist(self) -> bool:
        """Whether any token was ever made."""
        with self._database.read():
            return tokens.exists()

    def takes(self, credentials: Credentials) -> bool:
        """Whether these are a token, by their looks."""
        return credentials.bearer.startswith(_PREFIX)

    def prove(self, credentials: Credentials) -> Proof:
        """The caller whom a key proves. Raises InvalidCredentials, with the same words whatever is wrong with it."""
        match = _FORM.fullmatch(credentials.bearer)
        if match is None:
            raise InvalidCredentials(REFUSAL)
        with self._database.read():
            stored = tokens.get(match[1])
            now = self._database.now()
        # An unknown id costs the same hashes and comparisons as a known one, and a former key the same as the present one.
        expected = stored.secret_hash if stored else _hash(self._keys[0], "")
        fitting = [hmac.compare_digest(expected, _hash(key, match[2])) for key in self._keys]
        if not any(fitting) or stored is None or not stored.works_at(now):
            raise InvalidCredentials(REFUSAL)
        if not fitting[0]:
            self._hash_anew(stored, match[2])
        caller = Caller(owner=stored.owner, role=stored.role, token_id=stored.id, grants=stored.grants)
        return Proof(caller) if stored.expires_at is None else Proof(caller, (stored.expires_at - now) / SECOND)

    def _hash_anew(self, stored: tokens.StoredToken, secret: str) -> None:
        try:
            with self._database.write():
                tokens.replace_hash(stored.id, stored.secret_hash, _hash(self._keys[0], secret))
        except DatabaseUnavailable:
            # The token works all the same, and its next use tries again.
            _log.warning("token %s is hashed with a former secret key still", stored.id)


def _hash(key: bytes, secret: str) -> str:
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()
