"""Rows of tokens. Each function runs inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.owner import Grant, Owner, Role
from task_server.store.database import Database
from task_server.store.statement import Row, Statement, rows
from task_server.store.tables.access import TokenRow

_COLUMNS = (
    "id",
    "secret_hash",
    "owner_id",
    "owner_name",
    "role",
    "grants",
    "name",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
)
_GET = Statement("SELECT {columns} FROM token WHERE id = :id", _COLUMNS)
_INSERT = Statement("INSERT INTO token ({columns}) VALUES ({values})", _COLUMNS)
_REPLACE_HASH = Statement("UPDATE token SET secret_hash = :new WHERE id = :id AND secret_hash = :old")
_NOTE_USE = Statement(
    "UPDATE token SET last_used_at = :minute WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :minute)"
)
_REVOKE = Statement("UPDATE token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")
#: Newest first; the id decides between those of one moment.
_PAGE = Statement(
    "SELECT {columns} FROM token WHERE created_at < :created_at OR (created_at = :created_at AND id < :id) "
    "ORDER BY created_at DESC, id DESC LIMIT :limit",
    _COLUMNS,
)
_ALL = Statement("SELECT {columns} FROM token ORDER BY created_at DESC, id DESC", _COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as it is stored: the keyed hash of its secret, never the secret."""

    id: str
    secret_hash: str
    owner: Owner
    role: Role
    grants: frozenset[Grant] = frozenset()
    #: What its maker calls it.
    name: str = ""
    created_at: Micros
    expires_at: Micros | None = None
    revoked_at: Micros | None = None
    #: To the minute.
    last_used_at: Micros | None = None

    def works_at(self, now: Micros) -> bool:
        """Whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def insert(token: StoredToken) -> None:
    """Store a new token."""
    _INSERT.run(
        id=token.id,
        secret_hash=token.secret_hash,
        owner_id=token.owner.id,
        owner_name=token.owner.username,
        role=token.role.value,
        grants=" ".join(sorted(token.grants)),
        name=token.name,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
    )


def get(token_id: str) -> StoredToken | None:
    """The token with that id."""
    row = _GET.one(id=token_id)
    return _token(row) if row else None


def lock(database: Database, ids: Iterable[str]) -> dict[str, StoredToken]:
    """Those of the tokens that there are, by id; nobody else changes them until the transaction ends."""
    query = TokenRow.select(*(getattr(TokenRow, name) for name in _COLUMNS))
    query = query.where(TokenRow.id.in_(list(ids))).order_by(TokenRow.id)
    # SQLite: whoever writes has the whole database.
    found = map(_token, rows(query if database.is_sqlite else query.for_update()))
    return {token.id: token for token in found}


def page(created_at: Micros, before_id: str, limit: int) -> list[StoredToken]:
    """Up to `limit` tokens, newest first, that come after one that was made at `created_at` and has the id `before_id`."""
    return [_token(row) for row in _PAGE.all(created_at=created_at, id=before_id, limit=limit)]


def everything() -> list[StoredToken]:
    """All tokens, newest first."""
    return [_token(row) for row in _ALL.all()]


def revoke(token_id: str, now: Micros) -> bool:
    """End a token; False when there is none that was not revoked before."""
    return _REVOKE.run(id=token_id, now=now) == 1


def replace_hash(token_id: str, old: str, new: str) -> None:
    """Store another hash of the same secret, unless somebody did before."""
    _REPLACE_HASH.run(id=token_id, old=old, new=new)


def note_use(token_id: str, minute: Micros) -> None:
    """Store when a token was last used; another server may have stored a later use."""
    _NOTE_USE.run(id=token_id, minute=minute)


def exists() -> bool:
    """Whether there is any token."""
    return bool(TokenRow.select().exists())


def _token(row: Row) -> StoredToken:
    values = dict(zip(_COLUMNS, row, strict=True))
    return StoredToken(
        owner=Owner(values.pop("owner_id"), values.pop("owner_name")),
        role=Role(values.pop("role")),
        # A newer version may know more of them.
        grants=frozenset(Grant(word) for word in values.pop("grants").split() if word in set(Grant)),
        **values,
    )
