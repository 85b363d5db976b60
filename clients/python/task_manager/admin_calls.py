"""What `TaskClient` says and asks about the service itself: its tokens and its processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from task_manager import requests, rpcs
from task_manager.calls import Calls
from task_manager.pages import Pager
from task_manager.v1.admin_service_pb2 import (
    CreateTokenResponse,
    GetSystemStatusRequest,
    ListTokensRequest,
    ListTokensResponse,
    RevokeTokenRequest,
)
from task_manager.v1.system_status_pb2 import SystemStatus
from task_manager.v1.token_pb2 import Token


class AdminCalls(Calls):
    """The part of `TaskClient` for admins."""

    def system_status(self) -> SystemStatus:
        """What runs: processes with what they may run, queues and versions. For admins."""
        return self._call(rpcs.GET_SYSTEM_STATUS, GetSystemStatusRequest())

    def create_token(
        self,
        user_id: str,
        role: str,
        *,
        username: str = "",
        grants: Sequence[str] = (),
        name: str = "",
        expires_at: datetime | None = None,
    ) -> CreateTokenResponse:
        """Makes a token; its `key` is shown this once. For admins.

        Args:
            user_id: whose rows its caller makes and sees.
            role: "viewer", "operator", "editor" or "admin".
            username: the user's name. Default: the id.
            grants: what no role allows by itself, as "code:create". Default: those of the role; "none" alone means none.
            name: what you call the token.
            expires_at: when it stops working. None means never.
        """
        request = requests.create_token(
            user_id, role, username=username, grants=grants, name=name, expires_at=expires_at
        )
        return self._call(rpcs.CREATE_TOKEN, request)

    def list_tokens(self, page_size: int = 0) -> Pager[ListTokensResponse, Token]:
        """All tokens, newest first, without their secrets. For admins."""
        return Pager(self._fetch(rpcs.LIST_TOKENS, ListTokensRequest(page_size=page_size)), lambda page: page.tokens)

    def revoke_token(self, token_id: str) -> Token:
        """Ends a token, by its `id`: within 5 s it is refused, and its open watches end. For admins. Raises `TokenNotFound`."""
        return self._call(rpcs.REVOKE_TOKEN, RevokeTokenRequest(id=token_id)).token
