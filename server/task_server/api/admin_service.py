"""AdminService: validate, use case, admin_convert."""

from __future__ import annotations

import time
from typing import Any

from task_manager.v1 import admin_service_pb2, system_status_pb2
from task_server.api import admin_convert
from task_server.api.interceptors.authentication import current_caller
from task_server.api.threads import Threads
from task_server.api.validation import listing
from task_server.api.validation.audit_filter import audit_filter
from task_server.api.validation.token import validate_token
from task_server.api.validation.violations import Violations
from task_server.domain.clock import Micros
from task_server.usecases.auditing import Auditing
from task_server.usecases.system_status import SystemStatuses
from task_server.usecases.token_admin import TokenAdmin


class AdminService:
    """The RPCs of AdminService that are served; the rest answer UNIMPLEMENTED."""

    def __init__(
        self,
        *,
        token_admin: TokenAdmin,
        auditing: Auditing,
        statuses: SystemStatuses,
        page_tokens: listing.PageTokens,
        threads: Threads,
    ) -> None:
        self._token_admin = token_admin
        self._auditing = auditing
        self._statuses = statuses
        self._page_tokens = page_tokens
        self._threads = threads

    async def CreateToken(  # noqa: N802
        self, request: admin_service_pb2.CreateTokenRequest, _: Any
    ) -> admin_service_pb2.CreateTokenResponse:
        """Make a token."""
        new = validate_token(request.token, time.time_ns() // 1000, Violations())
        key, token = await self._threads.run(
            self._token_admin.create,
            current_caller.get(),
            new.owner,
            new.role,
            grants=new.grants,
            name=new.name,
            expires_at=new.expires_at,
        )
        return admin_service_pb2.CreateTokenResponse(token=admin_convert.token(token), key=key)

    async def ListTokens(  # noqa: N802
        self, request: admin_service_pb2.ListTokensRequest, _: Any
    ) -> admin_service_pb2.ListTokensResponse:
        """List tokens."""
        caller, violations = current_caller.get(), Violations()
        size = listing.check_page_size(request.page_size, violations, full=False)
        violations.raise_any()
        after = _place(self._page_tokens.last_id(request, request.page_token, caller))
        page = await self._threads.run(self._token_admin.page, after, size)
        answer = admin_service_pb2.ListTokensResponse(tokens=map(admin_convert.token, page.tokens))
        if page.has_more:
            last = page.tokens[-1]
            answer.next_page_token = self._page_tokens.next_token(request, caller, f"{last.created_at}.{last.id}")
        return answer

    async def RevokeToken(  # noqa: N802
        self, request: admin_service_pb2.RevokeTokenRequest, _: Any
    ) -> admin_service_pb2.RevokeTokenResponse:
        """End a token."""
        violations = Violations()
        if not request.id:
            violations.add("id", "is required: the part of a key between 'tsk_' and the secret")
        violations.raise_any()
        token = await self._threads.run(self._token_admin.revoke, current_caller.get(), request.id)
        return admin_service_pb2.RevokeTokenResponse(token=admin_convert.token(token))

    async def ListAuditEvents(  # noqa: N802
        self, request: admin_service_pb2.ListAuditEventsRequest, _: Any
    ) -> admin_service_pb2.ListAuditEventsResponse:
        """List who changed what, and who was refused."""
        caller, violations = current_caller.get(), Violations()
        size = listing.check_page_size(request.page_size, violations, full=False)
        wanted = audit_filter(request, violations)
        violations.raise_any()
        before_id = self._page_tokens.last_id(request, request.page_token, caller)
        events, has_more = await self._threads.run(self._auditing.page, wanted, before_id, size)
        answer = admin_service_pb2.ListAuditEventsResponse(audit_events=map(admin_convert.audit_event, events))
        if has_more:
            answer.next_page_token = self._page_tokens.next_token(request, caller, events[-1].id)
        return answer

    async def GetSystemStatus(  # noqa: N802
        self, _request: admin_service_pb2.GetSystemStatusRequest, _: Any
    ) -> system_status_pb2.SystemStatus:
        """Say what runs."""
        return admin_convert.system_status(await self._threads.run(self._statuses.get))


def _place(text: str) -> tuple[Micros, str] | None:
    """Where a page begins, as ListTokens signed it."""
    created_at, _, token_id = text.partition(".")
    return (int(created_at), token_id) if text else None
