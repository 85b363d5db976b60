"""An issuer of tokens that the operator trusts, and whom its claims mean here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from task_server.auth.claims import MalformedError, moment_of, text_of, texts_of
from task_server.domain.owner import DEFAULT_GRANTS, Caller, CallerKind, Grant, Owner, Role

_RANK = list(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What is believed of an issuer's tokens. Times are in seconds."""

    #: `iss` to the letter.
    issuer: str
    #: One of these has to be in `aud`.
    audience: tuple[str, ...]
    #: Where its keys are: one of the two.
    jwks_url: str = ""
    jwks_file: str = ""
    #: Authorities that the URL's server is trusted by, besides the machine's; a PEM file.
    jwks_ca_file: str = ""
    #: How its tokens may be signed.
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    #: The claims that say who the user is; a path where claims stand in claims.
    user_id_claim: tuple[str, ...] = ("sub",)
    username_claim: tuple[str, ...] = ("preferred_username",)
    #: Put before the user id. Without it the issuer's users are those of the same id that tokens have.
    user_id_prefix: str
    #: The claim with the values that `roles` and `grants` are looked up by.
    role_claim: tuple[str, ...] = ("roles",)
    roles: Mapping[str, Role] = field(default_factory=dict)
    #: What a caller is that has none of the roles. None: nobody.
    default_role: Role | None = None
    #: None: each has the grants of its role.
    grants: Mapping[str, frozenset[Grant]] | None = None
    #: How far the issuer's clock may be ahead of ours.
    clock_skew_seconds: float = 30.0
    #: How old a token may be, whatever its `exp` says.
    max_age_seconds: float = 86_400.0
    #: How long its keys are believed while it does not answer.
    keys_trusted_seconds: float = 3600.0

    def end_of(self, claims: Mapping[str, Any], now: float) -> float:
        """Until when a token holds. Raises MalformedError where it does not hold now, or is not for us."""
        claims = dict(claims)
        if claims.get("iss") != self.issuer or not set(self.audience) & set(texts_of(claims, ("aud",))):
            raise MalformedError("iss or aud is another")
        expires, issued, begins = (moment_of(claims, name) for name in ("exp", "iat", "nbf"))
        if expires is None or issued is None:
            raise MalformedError("exp or iat is missing")
        if max(issued, begins or 0.0) > now + self.clock_skew_seconds:
            raise MalformedError("it does not hold yet")
        end = min(expires, issued + self.max_age_seconds)
        if end <= now:
            raise MalformedError("it holds no longer")
        return end

    def caller(self, claims: Mapping[str, Any]) -> Caller:
        """Whom the claims mean. Raises MalformedError where they mean nobody."""
        claims = dict(claims)
        user_id = self.user_id_prefix + text_of(claims, self.user_id_claim)
        try:
            username = text_of(claims, self.username_claim)
        except MalformedError:
            username = user_id
        values = texts_of(claims, self.role_claim)
        found = [self.roles[value] for value in values if value in self.roles]
        role = max(found, key=_RANK.index) if found else self.default_role
        if role is None:
            raise MalformedError("none of its roles is known")
        grants = DEFAULT_GRANTS[role]
        if self.grants is not None:
            grants = frozenset().union(*(self.grants.get(value, frozenset()) for value in values))
        return Caller(
            owner=Owner(user_id, username), role=role, token_id=f"jwt:{user_id}", grants=grants, kind=CallerKind.JWT
        )
