"""The tokens that an operator makes, lists and revokes without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from task_server.auth.tokens import Tokens
from task_server.bootstrap.database import present_database, unreachable
from task_server.bootstrap.errors import StartError
from task_server.bootstrap.keys import secret_keys
from task_server.config import Settings
from task_server.domain.clock import Micros, iso, seconds
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.owner import Grant, Owner, Role
from task_server.store import tokens as rows
from task_server.store.database import Database
from task_server.usecases import auditing
from task_server.usecases.token_admin import described

T = TypeVar("T")


def create(
    settings: Settings,
    *,
    user_id: str,
    username: str,
    role: str,
    grants: Sequence[Grant] | None = None,
    name: str = "",
    expires_at: Micros | None = None,
    expires_in: float | None = None,
) -> str:
    """Make a token and return its key; it expires at a time, or in so many seconds. Raises StartError."""

    def store(database: Database, tokens: Tokens) -> str:
        with database.write():
            now = database.now()
            end = expires_at if expires_in is None else now + seconds(expires_in)
            owner = Owner(user_id, username)
            key, token = tokens.make(owner, Role(role), now, grants=grants, name=name, expires_at=end)
            rows.insert(token)
            auditing.note_command("task-server token create", token.id, now, described(token))
        return key

    return _with_tokens(settings, store)


def everything(settings: Settings) -> list[dict[str, Any]]:
    """All tokens, newest first, as they may be shown: without even the hashes of their secrets. Raises StartError."""

    def describe(token: rows.StoredToken, now: Micros) -> dict[str, Any]:
        return {
            "id": token.id,
            "user": token.owner.id,
            "username": token.owner.username,
            "role": token.role.value,
            "grants": sorted(token.grants),
            "name": token.name,
            "created_at": iso(token.created_at),
            "expires_at": iso(token.expires_at),
            "last_used_at": iso(token.last_used_at),
            "revoked_at": iso(token.revoked_at),
            "state": "works" if token.works_at(now) else "expired" if token.revoked_at is None else "revoked",
        }

    def find(database: Database, _: Tokens) -> list[dict[str, Any]]:
        with database.read():
            now = database.now()
            return [describe(token, now) for token in rows.everything()]

    return _with_tokens(settings, find)


def revoke(settings: Settings, token_id: str) -> bool:
    """End a token; False when there is none with that id. Raises StartError."""

    def end(database: Database, _: Tokens) -> bool:
        with database.write():
            now, found = database.now(), rows.get(token_id)
            if found is not None and rows.revoke(token_id, now):
                auditing.note_command("task-server token revoke", token_id, now, described(found))
        return found is not None

    return _with_tokens(settings, end)


def exist(settings: Settings) -> bool:
    """Whether any token was ever made. Raises StartError."""
    return _with_tokens(settings, lambda _, tokens: tokens.exist())


def _with_tokens(settings: Settings, use: Callable[[Database, Tokens], T]) -> T:
    database = present_database(settings)
    try:
        secret_key, *former_keys = secret_keys(settings)
        return use(database, Tokens(database, secret_key, former_keys))
    except DatabaseUnavailable as error:
        raise StartError(unreachable(settings, error)) from error
    finally:
        database.close()
