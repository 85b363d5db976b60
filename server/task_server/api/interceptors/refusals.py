"""Tells the audit log of calls that were refused because of who made them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

from task_manager.v1 import error_reason_pb2
from task_server import logs
from task_server.api.errors import TABLE
from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.api.interceptors.authentication import current_caller
from task_server.api.interceptors.origin import origin_of
from task_server.api.interceptors.peers import FailingPeers
from task_server.api.refusals import Refusals
from task_server.domain.audit import AuditEvent
from task_server.domain.errors import InvalidCredentials, PermissionMissing, TaskServiceError
from task_server.domain.ids import new_id


class RefusalsInterceptor(AroundInterceptor):
    """Stands around authentication and what it lets in: some permissions only show once a request is read."""

    def __init__(self, refusals: Refusals, peers: FailingPeers) -> None:
        self._refusals = refusals
        self._peers = peers

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Note InvalidCredentials and PermissionMissing, and let them go on."""
        try:
            yield
        except (InvalidCredentials, PermissionMissing) as error:
            event = _event(call, error)
            # Not by what the audit log shows of a peer: of that anybody may write a part, and so be somebody else each time.
            self._refusals.note(event, event.token_id or self._peers.of(call))
            raise


def _event(call: Call, error: TaskServiceError) -> AuditEvent:
    caller = current_caller.get(None)
    mapping = TABLE[type(error)]
    origin = origin_of(call)
    return AuditEvent(
        id=new_id(),
        occurred_at=time.time_ns() // 1000,
        actor=caller.owner if caller else None,
        token_id=caller.token_id if caller else "",
        peer=origin.peer,
        method=origin.method,
        resource_id="",
        outcome=mapping.code.name,
        request_id=logs.request_id.get(),
        reason=error_reason_pb2.ErrorReason.Name(mapping.reason),
        detail=error.metadata.get("permission", ""),
    )
