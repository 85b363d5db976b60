"""A new Token."""

from __future__ import annotations

from dataclasses import dataclass

from task_manager.v1 import token_pb2
from task_server.api.validation.schedule import read_time
from task_server.api.validation.violations import Violations
from task_server.domain.clock import Micros
from task_server.domain.owner import Grant, Owner, Role

_MAX_NAME = 200
#: Instead of grants: none of them, also for a role that has some otherwise.
_NO_GRANTS = ["none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What a caller wants of a new token."""

    owner: Owner
    role: Role
    #: None for those of the role.
    grants: frozenset[Grant] | None
    name: str
    expires_at: Micros | None


def validate_token(token: token_pb2.Token, now: Micros, violations: Violations) -> NewToken:
    """The token in a message. Raises InvalidFields with all that is wrong."""
    if not token.owner.id.strip():
        violations.add("token.owner.id", "is required: whose rows its caller makes and sees")
    violations.check_length("token.owner.id", token.owner.id, _MAX_NAME)
    violations.check_length("token.owner.username", token.owner.username, _MAX_NAME)
    violations.check_length("token.name", token.name, _MAX_NAME)
    if token.role not in set(Role):
        violations.add("token.role", f"must be one of {', '.join(Role)}")
    grants = list(token.grants)
    for index, grant in enumerate(grants if grants != _NO_GRANTS else []):
        if grant not in set(Grant):
            known = ", ".join(Grant)
            violations.add(f"token.grants[{index}]", f"must be one of {known}; 'none' stands alone")
    expires_at = None
    if token.HasField("expires_at"):
        expires_at = read_time("token.expires_at", token.expires_at, violations)
        if expires_at is not None and expires_at <= now:
            violations.add("token.expires_at", "must be in the future; leave it out for a token that does not expire")
    violations.raise_any()
    return NewToken(
        owner=Owner(token.owner.id, token.owner.username or token.owner.id),
        role=Role(token.role),
        grants=None if not grants else frozenset(Grant(grant) for grant in grants if grants != _NO_GRANTS),
        name=token.name,
        expires_at=expires_at,
    )
