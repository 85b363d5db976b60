"""Which faults come when, and what came of each. The sequence follows from the seed; its pace from how soon all recovers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults import broker_faults, database_faults, partition_faults, process_faults
from tests.faults.callers import Callers
from tests.faults.cluster import Cluster
from tests.faults.fault import Fault
from tests.faults.item import DEFAULT_QUEUE, NARROW_QUEUE

KINDS = (*process_faults.FAULTS, *broker_faults.FAULTS, *database_faults.FAULTS, *partition_faults.FAULTS)
_PROBE_SECONDS = 120.0
_POLL_SECONDS = 0.05
#: Before the first fault, for the load to get going.
_CALM_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Injection:
    """A fault that was put in."""

    fault: str
    subject: str
    #: Seconds since the epoch, by the clock of this machine.
    began: float
    ended: float = 0.0
    #: Executions that were due and had not ended when it was put in.
    in_flight: int = 0
    #: From the end of the step's faults until a task that was created then had succeeded, in each queue. None when one did not.
    recovery_seconds: float | None = None
    #: The faults that overlapped with it.
    together_with: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """Faults that overlap, each with its delay in seconds, after a pause. Those of one subject come one after the other."""

    #: How often every kind has come before.
    rounds: int
    pause: float
    faults: list[tuple[float, Fault]]


def steps(cluster: Cluster, seed: int) -> Iterator[Step]:
    """The steps, without end: every kind comes once before any comes again."""
    options = cluster.options
    rng = random.Random(f"faults {seed}")
    kinds = [kind for kind in KINDS if cluster.postgres is not None or not kind.needs_postgres]
    bag: list[Fault] = []
    rounds = -1
    while True:
        if not bag:
            rounds += 1
            bag = [kind(cluster, rng) for kind in rng.sample(kinds, len(kinds))]
        chosen = [bag.pop(0)]
        # Mostly one by one, so that each shows what it does; else as many as may be.
        wanted = options.faults_at_once if options.faults_at_once > 2 or rng.random() < 0.4 else 1
        for fault in list(bag):
            befallen = [other.subject for other in chosen].count(fault.subject)
            if len(chosen) < wanted and befallen < options.faults_in_a_row:
                chosen.append(fault)
                bag.remove(fault)
        delays = [0.0, *(rng.uniform(0.0, options.spread_seconds) for _ in chosen[1:])]
        yield Step(rounds, rng.uniform(0.0, options.quiet_seconds), list(zip(delays, chosen, strict=True)))


class Storm:
    """Goes through the steps."""

    def __init__(self, cluster: Cluster, callers: Callers, seed: int) -> None:
        self._cluster = cluster
        self._callers = callers
        self._seed = seed
        self.injections: list[Injection] = []
        #: Tasks made to see whether all works again: name to id.
        self.probes: dict[str, str] = {}
        #: Running executions that were found without a lease, and leases of others.
        self.lease_defects: list[str] = []
        self._errors: list[BaseException] = []

    def run(self, seconds: float) -> None:
        """Put in faults for so long, and as often as the options ask for. Raises what went wrong in the harness itself."""
        deadline = time.monotonic() + seconds
        time.sleep(_CALM_SECONDS)
        for step in steps(self._cluster, self._seed):
            is_over = time.monotonic() + step.pause >= deadline
            if is_over and step.rounds >= self._cluster.options.rounds:
                return
            time.sleep(step.pause)
            self._play(step)
            if self._errors:
                raise ExceptionGroup(
                    "faults could not be put in", [e for e in self._errors if isinstance(e, Exception)]
                )

    def _play(self, step: Step) -> None:
        by_subject: dict[str, list[tuple[float, Fault]]] = {}
        for delay, fault in step.faults:
            by_subject.setdefault(fault.subject, []).append((delay, fault))
        threads = [
            threading.Thread(target=self._befall_all, args=(faults, step), name=subject)
            for subject, faults in by_subject.items()
        ]
        first = len(self.injections)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recovery = self._probe()
        for injection in self.injections[first:]:
            injection.recovery_seconds = recovery

    def _befall_all(self, faults: list[tuple[float, Fault]], step: Step) -> None:
        for delay, fault in faults:
            self._befall(delay, fault, step)

    def _befall(self, delay: float, fault: Fault, step: Step) -> None:
        try:
            time.sleep(delay)
            others = [other.name for _, other in step.faults if other is not fault]
            in_flight = self._look()
            injection = Injection(
                fault=fault.name, subject=fault.subject, began=time.time(), in_flight=in_flight, together_with=others
            )
            self.injections.append(injection)
            try:
                fault.inject()
                time.sleep(fault.seconds)
            finally:
                fault.heal()
                injection.ended = time.time()
        except BaseException as error:
            self._errors.append(error)

    def _probe(self) -> float | None:
        began = time.monotonic()
        ids = [self._create_probe(queue) for queue in (DEFAULT_QUEUE, NARROW_QUEUE)]
        while time.monotonic() < began + _PROBE_SECONDS:
            found = self._cluster.tables.rows("SELECT 1 FROM task WHERE task_id IN (?, ?) AND status = 'SUCCESS'", *ids)
            if len(found) == len(ids):
                return time.monotonic() - began
            time.sleep(_POLL_SECONDS)
        return None

    def _create_probe(self, queue: str) -> str:
        name = f"probe-{queue}-{len(self.probes)}"
        task_id = self._callers.call(
            lambda client: client.create_task(
                name,
                request_id=f"{self._seed}/{name}",
                function_code="def main():\n    return 'works'",
                function_name="main",
                queue=queue,
            ),
            patience=_PROBE_SECONDS,
        ).value.task_id
        self.probes[name] = task_id
        return task_id

    def _look(self) -> int:
        """Count what is in flight, and see that leases are where they should be."""
        rows = self._cluster.tables.rows(
            "SELECT id, status, lease_until, due_at FROM execution WHERE status IN ('PENDING', 'RETRY', 'STARTED') "
            "OR lease_until IS NOT NULL"
        )
        for execution_id, status, lease_until, _ in rows:
            if (status == "STARTED") != (lease_until is not None):
                self.lease_defects.append(f"execution {execution_id} is {status}, its lease ends at {lease_until}")
        now = self._cluster.tables.now()
        return sum(1 for _, status, _, due_at in rows if status in ("PENDING", "RETRY", "STARTED") and due_at <= now)
