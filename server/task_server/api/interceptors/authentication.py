"""Who calls, and whether they may: before anything else of the call is looked at."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

from task_server.api.interceptors.around import AroundInterceptor, Call
from task_server.api.interceptors.peers import FailingPeers
from task_server.api.threads import Threads
from task_server.auth import policy
from task_server.auth.tokens import Tokens, bearer
from task_server.domain.owner import Caller

#: Whoever makes the call that is being served.
current_caller: ContextVar[Caller] = ContextVar("current_caller")


class AuthenticationInterceptor(AroundInterceptor):
    """Refuses calls without a valid token, and methods that the caller's role may not call."""

    def __init__(self, tokens: Tokens, threads: Threads, failing_peers: FailingPeers) -> None:
        self._tokens = tokens
        self._threads = threads
        self._failing_peers = failing_peers

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Set `current_caller`, or raise InvalidCredentials, PermissionMissing or RateLimited."""
        key = bearer(call.values("authorization"))
        caller = self._tokens.trusted(key)
        if caller is None:
            with self._failing_peers.attempt(call):
                caller = await self._threads.run(self._tokens.authenticate, key)
        policy.authorize(caller, call.method)
        current_caller.set(caller)
        yield
