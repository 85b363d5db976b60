"""AdminService: use case, convert."""

from __future__ import annotations

from typing import Any

from task_manager.v1 import admin_service_pb2, system_status_pb2
from task_server.api import convert
from task_server.api.threads import Threads
from task_server.usecases.system_status import SystemStatuses


class AdminService:
    """The RPCs of AdminService that are served; the rest answer UNIMPLEMENTED."""

    def __init__(self, *, statuses: SystemStatuses, threads: Threads) -> None:
        self._statuses = statuses
        self._threads = threads

    async def GetSystemStatus(  # noqa: N802
        self, _request: admin_service_pb2.GetSystemStatusRequest, _: Any
    ) -> system_status_pb2.SystemStatus:
        """Say what runs."""
        return convert.system_status(await self._threads.run(self._statuses.get))
