"""The health service: whether the server serves, and whether code tasks run at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from task_server.api.call_server import CallServer
from task_server.api.threads import Threads
from task_server.domain.errors import DatabaseUnavailable
from task_server.store.database import Database
from task_server.usecases.system_status import SystemStatuses

_log = logging.getLogger(__name__)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
#: The name of what is no service of gRPC's: NOT_SERVING while no worker lives that runs code. Code tasks wait then.
CODE = "task_manager.v1.code"
#: How often the database is asked.
_SECONDS = 2.0
#: Until then nothing is wrong where no worker runs code yet: they come up beside the server.
_WORKERS_COME_SECONDS = 10.0
_HEALTH, _HEALTH_OF_CODE = "health", "health of code"


class Health:
    """Answers `grpc.health.v1` for services, for the server as a whole ("") and for `CODE`."""

    def __init__(self, services: Sequence[str], database: Database, threads: Threads) -> None:
        self._services = ("", *services)
        self._database = database
        self._statuses = SystemStatuses(database)
        self._threads = threads
        self._servicer = health.aio.HealthServicer()  # type: ignore[attr-defined] # set at run time
        self._said: dict[str, Any] = {}

    def register(self, server: CallServer) -> None:
        """Have the server serve it."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def begin(self) -> None:
        """Serve nothing yet."""
        for name in (*self._services, CODE):
            await self._servicer.set(name, NOT_SERVING)

    async def keep(self) -> None:
        """Look every 2 s."""
        began = time.monotonic()
        while True:
            await self.look(time.monotonic() - began)
            await asyncio.sleep(_SECONDS)

    async def look(self, age: float) -> None:
        """Ask the database: nothing is served while it is away, and no code while nobody runs it. `age`: seconds since `begin`."""
        serves, runs_code = await self._threads.run(self._ask)
        await self._say(_HEALTH, self._services, serves, logging.ERROR)
        if runs_code == SERVING or _HEALTH_OF_CODE in self._said or age >= _WORKERS_COME_SECONDS:
            await self._say(_HEALTH_OF_CODE, (CODE,), runs_code, logging.WARNING)

    async def end(self) -> None:
        """Serve nothing any more, and take no other word for it."""
        await self._servicer.enter_graceful_shutdown()

    def _ask(self) -> tuple[Any, Any]:
        try:
            self._database.ping()
            return SERVING, SERVING if self._statuses.runs_code() else NOT_SERVING
        except DatabaseUnavailable:
            return NOT_SERVING, NOT_SERVING
        except Exception:
            # Whatever it is, the database did not answer; and nobody would hear of a check that ended.
            _log.exception("the health check failed")
            return NOT_SERVING, NOT_SERVING

    async def _say(self, what: str, names: Sequence[str], status: Any, trouble: int) -> None:
        if self._said.get(what) == status:
            return
        self._said[what] = status
        level = logging.INFO if status == SERVING else trouble
        _log.log(level, "%s is %s", what, health_pb2.HealthCheckResponse.ServingStatus.Name(status))
        for name in names:
            await self._servicer.set(name, status)
