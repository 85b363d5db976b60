"""What the stack takes before it has done anything: the time to READY, then processor and memory while nobody asks."""

from __future__ import annotations

import time

from benchmarks import process_tree
from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement

_SETTLE_SECONDS = 3.0
_SECONDS = 20.0
_MB = 1024 * 1024


def measure(stack: Stack) -> list[Measurement]:
    """Measure it."""
    time.sleep(_SETTLE_SECONDS)
    # Each process by itself: what its children used is counted with those that have ended.
    before = {pid: process_tree.cpu_seconds(pid) for pid in process_tree.pids(stack.pid)}
    began = time.perf_counter()
    time.sleep(_SECONDS)
    used = sum(process_tree.cpu_seconds(pid) - cpu for pid, cpu in before.items())
    percent = used / (time.perf_counter() - began) * 100
    memory = process_tree.memory(stack.pid)
    return [
        Measurement(what="task-server up to READY", measured=stack.start_seconds, unit="s", goal=Goal(bound=4)),
        Measurement(
            what=f"idle processor, {_SECONDS:.0f} s",
            measured=percent,
            unit="% of a core",
            goal=Goal(bound=3),
            note=f"{len(before)} processes",
        ),
        Measurement(
            what="idle memory, sum of RSS",
            measured=memory.rss / _MB,
            unit="MB",
            goal=Goal(bound=300),
            note=f"PSS {memory.pss / _MB:.0f} MB: shared pages counted once",
        ),
    ]
