"""What `AsyncTaskClient` says and asks about the service itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from task_manager import requests, rpcs
from task_manager.aio_calls import AsyncCalls
from task_manager.pages import AsyncPager
from task_manager.v1.admin_service_pb2 import (
    CreateTokenResponse,
    GetSystemStatusRequest,
    ListTokensRequest,
    ListTokensResponse,
    RevokeTokenRequest,
)
from task_manager.v1.system_status_pb2 import SystemStatus
from task_manager.v1.token_pb2 import Token


class AsyncAdminCalls(AsyncCalls):
    """`AdminCalls` for asyncio; its doc strings hold here too."""

    async def system_status(self) -> SystemStatus:
        """As `TaskClient.system_status`: what runs, for admins."""
        return await self._call(rpcs.GET_SYSTEM_STATUS, GetSystemStatusRequest())

    async def create_token(
        self,
        user_id: str,
        role: str,
        *,
        username: str = "",
        grants: Sequence[str] = (),
        name: str = "",
        expires_at: datetime | None = None,
    ) -> CreateTokenResponse:
        """As `TaskClient.create_token`: makes a token, whose `key` is shown this once."""
        request = requests.create_token(
            user_id, role, username=username, grants=grants, name=name, expires_at=expires_at
        )
        return await self._call(rpcs.CREATE_TOKEN, request)

    def list_tokens(self, page_size: int = 0) -> AsyncPager[ListTokensResponse, Token]:
        """As `TaskClient.list_tokens`: all tokens, newest first."""
        request = ListTokensRequest(page_size=page_size)
        return AsyncPager(self._fetch(rpcs.LIST_TOKENS, request), lambda page: page.tokens)

    async def revoke_token(self, token_id: str) -> Token:
        """As `TaskClient.revoke_token`: ends a token, by its `id`."""
        return (await self._call(rpcs.REVOKE_TOKEN, RevokeTokenRequest(id=token_id))).token
