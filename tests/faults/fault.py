"""What a fault is, and where it acts."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import ClassVar

from tests.faults.cluster import Cluster


class Fault(ABC):
    """One fault, with all that is random about it drawn when it is made.

    `inject` and `heal` are called once each, in this order, with `seconds` between them.
    """

    name: ClassVar[str]
    #: Whether it needs PostgreSQL.
    needs_postgres: ClassVar[bool] = False

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self.cluster = cluster
        #: What it acts on. Of two faults with the same subject only one is there at a time.
        self.subject = self.choose(rng)
        #: How long it lasts.
        self.seconds = self.last(rng)

    @abstractmethod
    def choose(self, rng: random.Random) -> str:
        """Choose what it acts on."""

    def last(self, rng: random.Random) -> float:
        """Choose how long it lasts."""
        return 0.0

    @abstractmethod
    def inject(self) -> None:
        """Put it in."""

    def heal(self) -> None:  # noqa: B027 - many end by themselves
        """End it: from here on everything must recover by itself."""
