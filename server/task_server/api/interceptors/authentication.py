"""Who calls, and whether they may: before anything else of the call is looked at, and of a stream again while it is open."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import grpc

from task_server.api.interceptors.around import AroundInterceptor, Call, ServicerContext
from task_server.api.interceptors.origin import origin_of
from task_server.api.interceptors.peers import FailingPeers
from task_server.api.open_streams import OpenStreams
from task_server.api.threads import Threads
from task_server.auth import policy
from task_server.auth.authenticator import Authenticator
from task_server.auth.credentials import Credentials
from task_server.domain.owner import Caller

#: Whoever makes the call that is being served.
current_caller: ContextVar[Caller] = ContextVar("current_caller")
#: How the metadata begin that gateways and proxies add. What they pass on is their callers': the certificate of such a connection
#: is the gateway's own, and proves nothing of whoever is behind it.
_PASSED_ON = ("grpcgateway-", "x-forwarded-", "forwarded", "via", "x-real-ip")


class AuthenticationInterceptor(AroundInterceptor):
    """Refuses calls without valid credentials, and methods that the caller's role may not call."""

    def __init__(self, authenticator: Authenticator, threads: Threads, failing_peers: FailingPeers) -> None:
        self._authenticator = authenticator
        self._threads = threads
        self._failing_peers = failing_peers
        self._streams = OpenStreams(self._identify)

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Set `current_caller`, or raise InvalidCredentials, PermissionMissing or RateLimited."""
        credentials = _credentials(call)
        caller = self._authenticator.trusted(credentials)
        if caller is None:
            with self._failing_peers.attempt(call):
                caller = await self._threads.run(self._authenticator.authenticate, credentials)
        current_caller.set(replace(caller, origin=origin_of(call)))
        policy.authorize(caller, call.method)
        yield

    def _stream(self, behavior: Any, details: grpc.HandlerCallDetails) -> Any:
        async def stream(request: Any, context: ServicerContext) -> AsyncIterator[Any]:
            call = Call(details, context, is_stream=True)
            async with self.around(call):
                responses = self._streams.guarded(_credentials(call), current_caller.get(), behavior(request, context))
                async with contextlib.aclosing(responses):
                    async for response in responses:
                        yield response

        return stream

    async def _identify(self, credentials: Credentials) -> Caller:
        caller = self._authenticator.trusted(credentials)
        if caller is not None:
            return caller
        return await self._threads.run(self._authenticator.authenticate, credentials)


def _credentials(call: Call) -> Credentials:
    authorization = call.values("authorization")
    if authorization or any(key.startswith(_PASSED_ON) for key, _ in call.metadata):
        return Credentials.of(authorization)
    shown = call.context.auth_context().get("x509_pem_cert", ())
    return Credentials.of((), next(iter(shown), b""))
