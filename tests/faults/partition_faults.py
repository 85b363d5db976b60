"""Faults of the network: one worker can not reach the broker, or the database, while all others can."""

from __future__ import annotations

import random
from abc import abstractmethod

from tests.faults.fault import Fault
from tests.faults.link import Link


class _OfLink(Fault):
    """A link goes silent for longer than leases last, and speaks again; its connections are there still, or are not."""

    @abstractmethod
    def link(self) -> Link:
        """The link that it acts on."""

    def choose(self, rng: random.Random) -> str:
        self._forgets = rng.random() < 0.5
        return self.name

    def last(self, rng: random.Random) -> float:
        return self.cluster.options.lease_seconds + rng.uniform(0.3, 3.0)

    def inject(self) -> None:
        self.link().silence()

    def heal(self) -> None:
        if self._forgets:
            self.link().forget()
        self.link().speak()


class CutFromBroker(_OfLink):
    """A worker hears nothing of new runs and of stops, but holds its leases."""

    name = "worker cut off from Redis"

    def link(self) -> Link:
        return self.cluster.broker_link


class CutFromDatabase(_OfLink):
    """A worker can not renew its leases: its children must be dead before others begin what it held."""

    name = "worker cut off from PostgreSQL"
    needs_postgres = True

    def link(self) -> Link:
        assert self.cluster.database_link is not None
        return self.cluster.database_link


FAULTS: list[type[Fault]] = [CutFromBroker, CutFromDatabase]
