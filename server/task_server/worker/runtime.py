"""What one worker process is made of."""

from __future__ import annotations

from pathlib import Path

from task_server.config import Settings
from task_server.domain.actions import MAX_RESULT_BYTES
from task_server.executors.code import CodeExecutor
from task_server.executors.egress import EgressPolicy
from task_server.executors.egress_proxy import read_proxy
from task_server.executors.executors import Executors
from task_server.executors.http import HttpExecutor
from task_server.sandbox.limits import Limits
from task_server.sealing.configured import configured_sealer
from task_server.store.database import Database
from task_server.usecases.ports import connect
from task_server.usecases.running import Running
from task_server.worker.capability import Capability
from task_server.worker.drain import Drain
from task_server.worker.keeper import Keeper
from task_server.worker.worker import Worker


def make_executors(settings: Settings) -> Executors:
    """The executors of a worker with these settings.

    Raises ValueError for an entry of an `egress_` setting that is none, SealingKeyError for keys that are none.
    """
    code = CodeExecutor(
        limits=Limits(
            wall_seconds=settings.default_timeout_seconds,
            # The clock ends a run before its processor time can: this is for a worker that is not there to do it.
            cpu_seconds=int(settings.max_timeout_seconds) + 1,
            memory_bytes=settings.run_memory_bytes,
            output_bytes=settings.run_output_bytes,
            result_bytes=MAX_RESULT_BYTES,
        ),
        stop_grace=settings.stop_grace_seconds,
        lenient=settings.allow_unsandboxed_code,
        separate=settings.sandbox_namespaces != "off",
    )
    http = HttpExecutor(
        egress=EgressPolicy(
            allow_networks=settings.egress_allow,
            deny_networks=settings.egress_deny,
            allow_hosts=settings.egress_allow_hosts,
            deny_hosts=settings.egress_deny_hosts,
            ports=settings.egress_ports,
        ),
        proxy=(read_proxy(settings.egress_proxy, settings.egress_proxy_credentials) if settings.egress_proxy else None),
        ca_file=Path(settings.egress_ca_file) if settings.egress_ca_file else None,
        stop_grace=settings.stop_grace_seconds,
        sealer=configured_sealer(settings),
    )
    return Executors(code=code, http=http)


class Runtime:
    """The parts, put together.

    Parameters:
        executors: ended with this.
    """

    def __init__(self, settings: Settings, drain: Drain, executors: Executors, capability: Capability) -> None:
        self.database = Database.of(settings)
        self._ports = connect(settings, self.database)
        running = Running(
            self._ports, settings.lease_seconds, settings.max_lost_attempts, capability.kinds, settings.worker_queues
        )
        self._executors = executors
        if not capability.refusal:
            executors.warm_up()
        self._keeper = Keeper(running, self._ports.bell, settings, drain)
        self.worker = Worker(running, self._executors, self._keeper, drain)

    @property
    def sandbox_deaths(self) -> int:
        """How often the process that code runs are forked from has died by itself."""
        return self._executors.sandbox_deaths

    def close(self) -> None:
        """End the threads and child processes."""
        self._keeper.close()
        self._executors.close()
        self._ports.close()
