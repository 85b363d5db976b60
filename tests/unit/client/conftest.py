from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from client_harness import AsyncDriver, Driver, LoopbackServer, Servicer, SyncDriver

from task_manager import AsyncTaskClient, TaskClient


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASK_MANAGER_ADDRESS", raising=False)
    monkeypatch.delenv("TASK_MANAGER_TOKEN", raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[[Servicer], LoopbackServer]]:
    """Starts a server for a servicer."""
    servers: list[LoopbackServer] = []

    def start(servicer: Servicer) -> LoopbackServer:
        servers.append(LoopbackServer(servicer))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest_asyncio.fixture(params=["sync", "async"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Awaitable[Driver]]]:
    """Makes a client of either kind, so that each test speaks for both."""
    drivers: list[SyncDriver | AsyncDriver] = []

    async def make(address: str, **kwargs: Any) -> Driver:
        if request.param == "sync":
            drivers.append(SyncDriver(TaskClient(address, **kwargs)))
        else:
            drivers.append(AsyncDriver(AsyncTaskClient(address, **kwargs)))
        return drivers[-1]

    yield make
    for driver in drivers:
        await driver.close()
