"""How a run of the harness is set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that can be chosen. A run with the same options plays the same load and the same faults."""

    seed: int
    #: How long load and faults go on. Start, healing and draining come on top.
    seconds: float
    #: "sqlite" or "postgresql".
    database: str
    #: Whether it is the version for every test run.
    is_short: bool = False
    servers: int = 2
    #: Workers of the default queue. One more serves the narrow queue.
    workers: int = 3
    narrow_concurrency: int = 3
    schedulers: int = 2
    #: Tasks a second.
    rate: float = 8.0
    #: Seconds without a fault between two steps, at most.
    quiet_seconds: float = 3.0
    #: The longest delay of a task, in seconds, and about how long a schedule goes on.
    longest_delay: float = 12.0
    #: Faults that are put in at once, at most.
    faults_at_once: int = 2
    #: How many of those may befall the same, one after the other.
    faults_in_a_row: int = 1
    #: How often every kind of fault comes at least, however long that takes.
    rounds: int = 0
    #: How much later than the first fault the others of a step come, at most, in seconds.
    spread_seconds: float = 2.0
    lease_seconds: float = 6.0
    heartbeat_seconds: float = 1.5
    #: The longest outage of the broker, in seconds; the shortest is a sixth of it.
    longest_outage: float = 30.0
    #: How long everything may take to end once load and faults have.
    drain_seconds: float = 120.0

    @classmethod
    def short(cls, seed: int, seconds: float, database: str) -> Options:
        """A version for every test run: fewer processes, short leases and outages, several faults at once."""
        return cls(
            seed=seed,
            seconds=seconds,
            database=database,
            is_short=True,
            workers=2,
            rate=12.0,
            quiet_seconds=0.2,
            longest_delay=4.0,
            faults_at_once=8,
            faults_in_a_row=4,
            rounds=1,
            spread_seconds=0.3,
            lease_seconds=2.5,
            heartbeat_seconds=0.8,
            longest_outage=1.5,
            drain_seconds=60.0,
        )

    @property
    def command(self) -> str:
        """What plays the same again."""
        if self.is_short:
            arguments = f"--short --seconds {self.seconds:g} --seed {self.seed} --database {self.database}"
            return f"python -m tests.faults {arguments}"
        return f"make faults SECONDS={self.seconds:g} SEED={self.seed} DATABASE={self.database}"

    @property
    def longest_seconds(self) -> float:
        """How long the whole run may take at most: start, the last step's recovery, the last calls and the draining included."""
        return self.seconds + 2 * self.drain_seconds + 180.0

    @property
    def settings(self) -> dict[str, str]:
        """The service's settings, without prefix: everything is noticed soon, and kills alone end no run."""
        return {
            "LEASE_SECONDS": f"{self.lease_seconds:g}",
            "HEARTBEAT_SECONDS": f"{self.heartbeat_seconds:g}",
            "REPUBLISH_AFTER_SECONDS": "1",
            "MAX_LOST_ATTEMPTS": "10",
            "WORKER_CONCURRENCY": "6",
            "DRAIN_SECONDS": "1",
            "EGRESS_ALLOW": "127.0.0.1/32=*",
        }
