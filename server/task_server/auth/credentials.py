"""What comes with a call to prove who makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from task_server.domain.errors import InvalidCredentials

#: The same words whatever is wrong, so that nobody learns which part was right.
REFUSAL = (
    "Send a valid token: 'authorization: Bearer tsk_...'. This one is missing, malformed, unknown, expired or revoked."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of one call. Never to be logged."""

    #: What stands behind `Bearer` in the `authorization` metadata; empty where there is none.
    bearer: str = field(default="", repr=False)
    #: The client's certificate, PEM, which the transport has verified; empty where there is none.
    certificate: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, authorization: Sequence[str], certificate: bytes = b"") -> Credentials:
        """The credentials in all values of the `authorization` metadata, and in the connection.

        Raises InvalidCredentials for more than one value and for one that is no Bearer: nobody shall guess which one counts.
        """
        if not authorization:
            return cls("", certificate)
        if len(authorization) != 1 or authorization[0][:7].lower() != "bearer ":
            raise InvalidCredentials(REFUSAL)
        return cls(authorization[0][7:].strip(), certificate)
