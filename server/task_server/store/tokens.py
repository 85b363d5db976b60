"""Rows of tokens. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.owner import Owner, Role
from task_server.store.statement import Statement
from task_server.store.tables import TokenRow

_COLUMNS = ("id", "secret_hash", "owner_id", "owner_name", "role", "created_at", "expires_at", "revoked_at")
_GET = Statement("SELECT {columns} FROM token WHERE id = :id", _COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as it is stored: the keyed hash of its secret, never the secret."""

    id: str
    secret_hash: str
    owner: Owner
    role: Role
    created_at: Micros
    expires_at: Micros | None = None
    revoked_at: Micros | None = None

    def works_at(self, now: Micros) -> bool:
        """Whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def insert(token: StoredToken) -> None:
    """Store a new token."""
    TokenRow.insert(
        id=token.id,
        secret_hash=token.secret_hash,
        owner_id=token.owner.id,
        owner_name=token.owner.username,
        role=token.role.value,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    ).execute()


def get(token_id: str) -> StoredToken | None:
    """The token with that id."""
    row = _GET.one(id=token_id)
    if row is None:
        return None
    found_id, secret_hash, owner_id, owner_name, role, created_at, expires_at, revoked_at = row
    return StoredToken(
        id=found_id,
        secret_hash=secret_hash,
        owner=Owner(owner_id, owner_name),
        role=Role(role),
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


def exists() -> bool:
    """Whether there is any token."""
    return bool(TokenRow.select().exists())
