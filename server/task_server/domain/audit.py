"""Who did what, or was refused."""

from __future__ import annotations

from dataclasses import dataclass

from task_server.domain.clock import Micros
from task_server.domain.owner import Owner

#: The outcome of whatever was done.
DONE = "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done, or refused. It is never changed."""

    id: str
    occurred_at: Micros
    #: None where the caller was not known.
    actor: Owner | None
    token_id: str
    #: Where the call came from; empty for a command of this machine.
    peer: str
    #: `package.Service/Method`, or the command, as `task-server token create`.
    method: str
    #: The id of the row that it was about, empty for none.
    resource_id: str
    #: DONE, or the name of the canonical status code that refused it.
    outcome: str
    request_id: str
    #: For a refusal the ErrorReason's name, else empty.
    reason: str = ""
    #: What else helps to understand it: names of fields, never their values.
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are asked for; what is empty or None does not restrict."""

    actor_id: str = ""
    method: str = ""
    start: Micros | None = None
    end: Micros | None = None
