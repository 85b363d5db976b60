"""Who a row belongs to, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do; each role may do what those before it may. `auth.policy` has the particulars."""

    #: Reads own rows.
    VIEWER = "viewer"
    #: Runs, stops, holds and syncs what is there.
    OPERATOR = "operator"
    #: Makes, changes and removes.
    EDITOR = "editor"
    #: Everything, and everybody's rows.
    ADMIN = "admin"


class Grant(StrEnum):
    """What a role alone does not allow: it is given to each caller by itself, to admins too."""

    #: Make a task that runs code, or have a task run other code.
    CREATE_CODE = "code:create"
    #: Make a task that calls a URL, or have a task make another call.
    CREATE_API = "api:create"
    #: Register executions as somebody else's: for service accounts.
    REGISTER_FOR_OTHERS = "executions:register-for-others"


#: What a new token has where nothing was said: who may make tasks may make both kinds.
DEFAULT_GRANTS: dict[Role, frozenset[Grant]] = {
    Role.VIEWER: frozenset(),
    Role.OPERATOR: frozenset(),
    Role.EDITOR: frozenset({Grant.CREATE_CODE, Grant.CREATE_API}),
    Role.ADMIN: frozenset({Grant.CREATE_CODE, Grant.CREATE_API}),
}


class CallerKind(StrEnum):
    """By what a caller proved who it is."""

    TOKEN = "token"  # noqa: S105 - a kind, no password
    JWT = "jwt"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that a row belongs to."""

    id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The call that a caller makes, as the audit log tells it."""

    #: `package.Service/Method`; empty where no call is being served.
    method: str = ""
    #: Where it comes from, as gRPC has it: `ipv4:192.0.2.7:40112`.
    peer: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a call, known by the credentials that came with it."""

    owner: Owner
    role: Role
    #: The name of its credentials, safe to log: a token's id; of others what their issuer calls them.
    token_id: str
    grants: frozenset[Grant] = frozenset()
    kind: CallerKind = CallerKind.TOKEN
    #: The call that is being served.
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def sees_all(self) -> bool:
        """Whether the caller may see, stop and delete what belongs to others."""
        return self.role is Role.ADMIN

    def may_see(self, owner_id: str) -> bool:
        """Whether the caller may see a row of that owner."""
        return self.sees_all or owner_id == self.owner.id
