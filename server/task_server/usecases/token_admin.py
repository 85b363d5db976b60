"""Making, listing and revoking tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from task_server.auth.authenticator import Authenticator
from task_server.auth.credentials import REFUSAL
from task_server.auth.tokens import Facts, Tokens
from task_server.domain.clock import NEVER, Micros
from task_server.domain.errors import InvalidCredentials, InvalidFields, TokenNotFound, Violation
from task_server.domain.owner import Caller, CallerKind, Owner, Role
from task_server.store import tokens as rows
from task_server.store.database import Database
from task_server.store.tokens import StoredToken
from task_server.usecases import auditing

_OWN_TOKEN = "is the token of this call; revoke it with another admin's token, or with: task-server token revoke"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPage:
    """One page of tokens, newest first."""

    tokens: list[StoredToken]
    has_more: bool


def described(token: StoredToken) -> str:
    """A token as the audit log tells of it: whose it is and what it may do."""
    return f"{token.role} of user {token.owner.id!r} with {', '.join(sorted(token.grants)) or 'no grants'}"


class TokenAdmin:
    """The use cases of tokens. What an admin does here holds only while the admin's own token does, seconds of trust or not."""

    def __init__(self, database: Database, tokens: Tokens, authenticator: Authenticator) -> None:
        self._database = database
        self._tokens = tokens
        self._authenticator = authenticator

    def create(self, caller: Caller, owner: Owner, role: Role, **facts: Unpack[Facts]) -> tuple[str, StoredToken]:
        """Store a new token; return its key, which can not be shown again, and what is stored."""
        with self._database.write():
            self._lock(caller)
            now = self._database.now()
            key, token = self._tokens.make(owner, role, now, **facts)
            rows.insert(token)
            auditing.note(caller, token.id, now, described(token))
        return key, token

    def page(self, after: tuple[Micros, str] | None, page_size: int) -> TokenPage:
        """One page of tokens, those after the one that was made then and has that id (None: from the newest)."""
        created_at, token_id = after or (NEVER, "")
        with self._database.read():
            found = rows.page(created_at, token_id, page_size + 1)
        return TokenPage(tokens=found[:page_size], has_more=len(found) > page_size)

    def revoke(self, caller: Caller, token_id: str) -> StoredToken:
        """End a token. One that was revoked before stays as it is.

        Raises TokenNotFound, and InvalidFields for the caller's own: so whoever revokes is left with a token that works. Two
        that revoke each other's at once take turns, and the second has none any more.
        """
        if caller.kind is CallerKind.TOKEN and token_id == caller.token_id:
            raise InvalidFields([Violation("id", _OWN_TOKEN)])
        with self._database.write():
            found = self._lock(caller, token_id)
            if token_id not in found:
                raise TokenNotFound(token_id)
            now = self._database.now()
            if rows.revoke(token_id, now):
                auditing.note(caller, token_id, now, described(found[token_id]))
            token = rows.get(token_id)
        assert token is not None  # noqa: S101 - it is locked
        self._authenticator.forget(token_id)
        return token

    def _lock(self, caller: Caller, *ids: str) -> dict[str, StoredToken]:
        """Lock tokens, and the caller's own with them. Raises InvalidCredentials where that does not work any more."""
        if caller.kind is not CallerKind.TOKEN:
            return rows.lock(self._database, ids)
        found = rows.lock(self._database, {caller.token_id, *ids})
        own = found.get(caller.token_id)
        if own is None or not own.works_at(self._database.now()):
            raise InvalidCredentials(REFUSAL)
        return found
