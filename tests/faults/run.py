"""One run from start to evidence: load and faults at once, then healing, draining and reading."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.faults import log_lines, plan
from tests.faults.callers import Callers
from tests.faults.cluster import Cluster, running
from tests.faults.facts import Evidence, Facts
from tests.faults.item import Item
from tests.faults.load import Load
from tests.faults.options import Options
from tests.faults.sink import Sink
from tests.faults.storm import Storm
from tests.faults.watcher import Watcher

_LOOK_SECONDS = 0.25


def run(options: Options, directory: Path) -> Facts:
    """Run, and return what is known then. Logs, the database and the evidence stay in the directory."""
    with ExitStack() as stack:
        clock = _Clock()
        cluster = stack.enter_context(running(directory, options))
        sink = Sink()
        stack.callback(sink.close)
        callers = Callers(cluster.addresses, cluster.token)
        watcher = Watcher(callers)
        stack.callback(watcher.close)
        load = Load(callers, watcher, sink.url, options.seed)
        stack.callback(load.close)
        # First of all: whoever waits for an answer waits no longer.
        stack.callback(callers.close)
        watcher.start()
        storm = Storm(cluster, callers, options.seed)
        clock.note("start")
        items = list(plan.items(options))
        _play(load, items, storm, options)
        clock.note("load and faults")
        _drain(cluster, watcher, options.drain_seconds)
        clock.note("draining")
        left = cluster.stop()
        clock.note("stop")
        evidence = Evidence(
            options=options,
            phases=clock.phases,
            items=items,
            made=load.made,
            module_stops=load.module_stops,
            probes=storm.probes,
            calls=sink.calls,
            queues=cluster.queues_of_workers(),
            kills=sum(process.kills for process in cluster.processes),
            seen=watcher.seen,
            injections=storm.injections,
            mishaps=[*cluster.mishaps(), *left],
            log_lines=[line for process in cluster.processes for line in log_lines.defects(process)],
            defects=[*storm.lease_defects, *watcher.defects, *callers.defects],
        )
        evidence.save(directory)
        facts = Facts.read(cluster.tables, evidence)
        facts.save(directory)
        return facts


class _Clock:
    """How long each phase took, in seconds."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self._last = time.monotonic()

    def note(self, phase: str) -> None:
        """The phase is over."""
        now = time.monotonic()
        self.phases[phase] = now - self._last
        self._last = now


def _play(load: Load, items: list[Item], storm: Storm, options: Options) -> None:
    ending = threading.Event()
    loading = threading.Thread(target=load.run, args=(items, ending), name="loading")
    loading.start()
    try:
        storm.run(options.seconds)
    except BaseException:
        ending.set()
        raise
    finally:
        loading.join()
    load.finish()


def _drain(cluster: Cluster, watcher: Watcher, seconds: float) -> None:
    """Wait until all has ended and was seen to. What has not by then is found by the checks."""
    deadline = time.monotonic() + seconds
    while any(_unfinished(cluster, watcher)) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _unfinished(cluster: Cluster, watcher: Watcher) -> Iterator[bool]:
    tables = cluster.tables
    yield bool(tables.rows("SELECT 1 FROM task WHERE next_run_at IS NOT NULL LIMIT 1"))
    yield bool(tables.rows("SELECT 1 FROM execution WHERE status IN ('PENDING', 'RETRY', 'STARTED') LIMIT 1"))
    yield tables.rows("SELECT COUNT(*) FROM event")[0][0] > len(watcher.seen)
