"""Rows of tokens. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.owner import Owner, Role
from task_server.store.tables import TokenRow


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
    row = TokenRow.get_or_none(TokenRow.id == token_id)
    if row is None:
        return None
    return StoredToken(
        id=row.id,
        secret_hash=row.secret_hash,
        owner=Owner(row.owner_id, row.owner_name),
        role=Role(row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def exists() -> bool:
    """Whether there is any token."""
    return bool(TokenRow.select().exists())
