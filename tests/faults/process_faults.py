"""Faults of our own processes: killed, frozen, drained."""

from __future__ import annotations

import random
import signal

from tests.faults.cluster import Cluster
from tests.faults.fault import Fault
from tests.faults.process import Process
from tests.processes import send


class _OfOneProcess(Fault):
    """A fault of one process."""

    process: Process

    @staticmethod
    def among(cluster: Cluster) -> list[Process]:
        """The processes that it may befall."""
        return cluster.workers

    def choose(self, rng: random.Random) -> str:
        self.process = rng.choice(self.among(self.cluster))
        return self.process.name

    def last(self, rng: random.Random) -> float:
        return rng.uniform(0.0, 1.0)

    def heal(self) -> None:
        self.process.start()


class KillWorker(_OfOneProcess):
    """A worker dies with all that it holds."""

    name = "kill -9 worker"

    def inject(self) -> None:
        self.process.kill()


class KillServer(KillWorker):
    """A server dies with all calls and watches that it serves."""

    name = "kill -9 server"

    @staticmethod
    def among(cluster: Cluster) -> list[Process]:
        return cluster.servers


class KillSchedulers(Fault):
    """One scheduler dies, or all of them."""

    name = "kill -9 scheduler"

    def choose(self, rng: random.Random) -> str:
        schedulers = self.cluster.schedulers
        self._killed = rng.sample(schedulers, rng.randint(1, len(schedulers)))
        return "schedulers"

    def last(self, rng: random.Random) -> float:
        return rng.uniform(0.0, 2.0)

    def inject(self) -> None:
        for process in self._killed:
            process.kill()

    def heal(self) -> None:
        for process in self._killed:
            process.start()


class FreezeWorker(_OfOneProcess):
    """A worker stands still for longer than its leases, alone or with its children, and then goes on as if nothing had been."""

    name = "SIGSTOP worker past its lease"

    def choose(self, rng: random.Random) -> str:
        self._whole_tree = rng.random() < 0.5
        self._frozen: list[int] = []
        return super().choose(rng)

    def last(self, rng: random.Random) -> float:
        return self.cluster.options.lease_seconds + rng.uniform(0.3, 2.0)

    def inject(self) -> None:
        self._frozen = self.process.pause(whole_tree=self._whole_tree)

    def heal(self) -> None:
        for pid in self._frozen:
            send(pid, signal.SIGCONT)


class KillZygote(_OfOneProcess):
    """The process that a worker's runs are forked from dies, and they with it."""

    name = "kill -9 zygote of a worker"

    def inject(self) -> None:
        self.process.kill_below("zygote")

    def heal(self) -> None:
        """The worker starts another one by itself."""


class DrainWorker(_OfOneProcess):
    """A worker is restarted as in a rolling update."""

    name = "SIGTERM worker, restart"

    def inject(self) -> None:
        self.process.drain()


class DrainServer(DrainWorker):
    """A server is restarted as in a rolling update."""

    name = "SIGTERM server, restart"

    @staticmethod
    def among(cluster: Cluster) -> list[Process]:
        return cluster.servers


FAULTS: list[type[Fault]] = [
    KillWorker,
    KillServer,
    KillSchedulers,
    FreezeWorker,
    KillZygote,
    DrainWorker,
    DrainServer,
]
