"""The gRPC server: every service, health and reflection, registered in one visible place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from grpc_health.v1 import health

from task_server.api import hang_ups, reflection, services
from task_server.api.call_server import CallServer
from task_server.api.connections import connection_options
from task_server.api.health import Health
from task_server.api.interceptors.authentication import AuthenticationInterceptor
from task_server.api.interceptors.capacity import CapacityInterceptor
from task_server.api.interceptors.errors import ErrorsInterceptor
from task_server.api.interceptors.limits import LimitsInterceptor
from task_server.api.interceptors.log import LogInterceptor
from task_server.api.interceptors.open_calls import OpenCallsInterceptor
from task_server.api.interceptors.peers import FailingPeers
from task_server.api.interceptors.refusals import RefusalsInterceptor
from task_server.api.interceptors.request_id import RequestIdInterceptor
from task_server.api.refusals import Refusals
from task_server.api.threads import Threads
from task_server.api.unknown_methods import UnknownMethods
from task_server.api.watch import Watchers
from task_server.auth.authenticator import Authenticator
from task_server.auth.last_use import LastUses
from task_server.config import Settings
from task_server.domain.errors import DatabaseUnavailable
from task_server.domain.rates import Rates
from task_server.store.database import Database
from task_server.tls import listener
from task_server.tls.certificate import CertificateFiles

_log = logging.getLogger(__name__)
#: How often the last uses of tokens are stored: they are told to the minute.
_USES_SECONDS = 20.0
#: How long an answer may take to be sent once a drain is over: only then is what was stored also answered.
_ANSWER_SECONDS = 0.5
#: How many calls without a token may run at once, however few calls with one.
_FEWEST_OPEN_CALLS = 10


class ServerEndedError(Exception):
    """gRPC has ended the server by itself; nothing is served any more."""


class AddressInUseError(Exception):
    """The address can not be listened on; the message says which."""


class ApiServer:
    """Serves the contract on one address."""

    def __init__(
        self,
        settings: Settings,
        *,
        servicers: dict[str, object],
        authenticator: Authenticator,
        last_uses: LastUses,
        refusals: Refusals,
        threads: Threads,
        watchers: Watchers,
        database: Database,
    ) -> None:
        self._settings = settings
        self._last_uses = last_uses
        self._refusals = refusals
        self._threads = threads
        self._watchers = watchers
        self._database = database
        names = [service.full_name for service in services.SERVICES]
        self._health = Health(names, database, threads)
        hang_ups.expect()
        self._capacity = CapacityInterceptor(settings.max_concurrent_calls)
        failing_peers = FailingPeers(
            Rates(settings.rate_per_failing_peer, settings.burst_per_failing_peer), settings.trusted_proxies
        )
        self._server = CallServer(
            UnknownMethods(),
            interceptors=[
                OpenCallsInterceptor(max(_FEWEST_OPEN_CALLS, settings.max_concurrent_calls // 10)),
                RequestIdInterceptor(),
                LogInterceptor(),
                ErrorsInterceptor(settings.max_call_seconds),
                self._capacity,
                RefusalsInterceptor(refusals, failing_peers),
                AuthenticationInterceptor(authenticator, threads, failing_peers),
                LimitsInterceptor(settings),
            ],
            options=connection_options(settings),
            # A last net, which also counts health checks: its refusals have no details. The capacity interceptor is the limit.
            most=2 * settings.max_concurrent_calls,
        )
        for service in services.SERVICES:
            handlers = services.handlers(service, servicers.get(service.name))
            self._server.add_registered_method_handlers(service.full_name, handlers)
        self._health.register(self._server)
        if settings.reflection:
            reflection.enable(self._server, [*names, health.SERVICE_NAME])

    async def start(self) -> int:
        """Listen, and return the port (0 for a Unix socket). Raises AddressInUseError and CertificateError."""
        address = self._settings.grpc_address
        await self._health.begin()
        certificate = CertificateFiles.of(self._settings)
        try:
            if certificate is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, listener.grpc_credentials(certificate))
        except RuntimeError as error:
            message = f"the gRPC address {address} can not be listened on: is it in use?"
            raise AddressInUseError(message) from error
        await self._server.start()
        return port

    async def serve(self, stop: asyncio.Event, leave: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set, then drain: NOT_SERVING first, open watches ended, calls given `drain_seconds`.

        Parameters:
            leave: called in a thread when the drain begins, for what has to be stored of this server then.

        Raises ServerEndedError, after that, where it is not we who ended it: better no process than one that serves nobody.
        """
        duties = [asyncio.create_task(duty) for duty in (self._health.keep(), self._store_uses())]
        telling = asyncio.create_task(self._refusals.store_always())
        ended = asyncio.create_task(self._server.wait_for_termination())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        has_failed = not stopped.done()
        stopped.cancel()
        for duty in duties:
            duty.cancel()
        await self._health.end()
        self._watchers.close()
        await self._drain(telling, asyncio.create_task(asyncio.to_thread(leave)))
        await asyncio.wait({ended})
        failure = ended.exception()
        if has_failed:
            raise ServerEndedError("gRPC has ended the server by itself") from failure

    async def _drain(self, telling: asyncio.Task[None], leaving: asyncio.Task[None]) -> None:
        """Take no more calls, and let those that run end. One that does not end in time stores nothing any more and is cancelled.

        The health service's watches do not count: whoever watches has been told, and would hold this up.
        """
        stopping = asyncio.create_task(self._server.stop(self._settings.drain_seconds + 2 * _ANSWER_SECONDS))
        await self._capacity.idle(self._settings.drain_seconds)
        # Some were taken a moment before, and have not begun.
        await asyncio.wait({stopping}, timeout=_ANSWER_SECONDS)
        # Whatever the database does: a call that is cancelled must find it sealed.
        await asyncio.wait({asyncio.create_task(self._store_last(telling)), leaving}, timeout=_ANSWER_SECONDS / 2)
        self._database.seal()
        await self._server.stop(_ANSWER_SECONDS)
        await stopping

    async def _store_last(self, telling: asyncio.Task[None]) -> None:
        """Store what was not yet of the uses of tokens and of refusals."""
        self._refusals.end()
        with contextlib.suppress(DatabaseUnavailable):
            await self._threads.run(self._last_uses.store)
        await telling

    async def _store_uses(self) -> None:
        """Store when tokens were last used, now and then."""
        while True:
            await asyncio.sleep(_USES_SECONDS)
            try:
                await self._threads.run(self._last_uses.store)
            except DatabaseUnavailable:
                continue  # they are kept for the next time
            except Exception:
                _log.exception("the last uses of tokens can not be stored")
