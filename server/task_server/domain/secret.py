"""Secrets of API tasks: what a caller gives once, and nobody is shown again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

#: What stands in the place of a secret wherever one would be shown.
REDACTED = "[redacted]"
#: A secret that is shorter could not be told from other text, and so not be kept out of results.
MIN_SECRET_CHARACTERS = 8
#: One secret, in bytes of UTF-8.
MAX_SECRET_BYTES = 8 * 1024
#: Named values of one task.
MAX_SECRETS = 64

#: Headers that carry credentials, of requests and of answers, in lower case.
_SENSITIVE = frozenset(
    {
        *(
            "authorization",
            "cookie",
            "cookie2",
            "set-cookie",
            "set-cookie2",
            "api-key",
            "apikey",
            "x-api-key",
            "x-apikey",
        ),
        *(
            "x-auth",
            "x-session",
            "x-session-id",
            "x-signature",
            "x-vault-token",
            "private-token",
            "job-token",
            "deploy-token",
        ),
    }
)
_SENSITIVE_PART = re.compile(
    r"proxy-.*|(.*[-_])?(token|secret|password|passwd|passphrase|credential|credentials)([-_].*)?"
)
_SENSITIVE_END = re.compile(r".*[-_](authorization|authentication|auth|api[-_]?key|access[-_]?key|auth[-_]?key)")


class SecretKind(StrEnum):
    """What a secret is used as."""

    #: The value of a request header.
    HEADER = "header"
    #: A value that `{{secrets.NAME}}` stands for.
    VALUE = "value"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret in plain. It shows itself to nobody who does not ask for `plain`."""

    plain: str

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedValue:
    """That a task has a secret, without the secret."""

    kind: SecretKind
    #: The header's name, or the name that `{{secrets.NAME}}` gives.
    name: str
    #: Equal for equal secrets of one owner.
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A secret as it is stored. It opens for this owner, task, kind and name alone."""

    owner_id: str
    task_id: str
    kind: SecretKind
    name: str
    #: Which key it was sealed with.
    key_id: str
    #: Base64.
    sealed: str = field(repr=False)


def is_sensitive_header(name: str) -> bool:
    """Whether a header of that name carries credentials, so that its value is a secret."""
    name = name.lower()
    return name in _SENSITIVE or bool(_SENSITIVE_PART.fullmatch(name) or _SENSITIVE_END.fullmatch(name))
