"""Who a row belongs to, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do: EDITOR makes and ends own tasks, ADMIN sees and ends everybody's too."""

    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that a row belongs to."""

    id: str
    username: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a call, known by the token that came with it."""

    owner: Owner
    role: Role
    token_id: str

    @property
    def sees_all(self) -> bool:
        """Whether the caller may see, stop and delete what belongs to others."""
        return self.role is Role.ADMIN

    def may_see(self, owner_id: str) -> bool:
        """Whether the caller may see a row of that owner."""
        return self.sees_all or owner_id == self.owner.id
