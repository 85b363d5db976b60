"""`python -m benchmarks.sandbox_layers [RUNS]`: what each layer of the cage costs a run, and memory over many runs.

A layer's cost is the time that putting it on takes in a child, the median of many children; what all of it costs a run is in
the times of whole runs, with a bare fork beside them.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from array import array
from pathlib import Path

from benchmarks import bare_fork
from task_server.sandbox.jobs import RUNNER, call_job
from task_server.sandbox.layers import LAYERS, Cell
from task_server.sandbox.limits import Limits
from task_server.sandbox.profile import CODE_PROFILE, Confinement
from task_server.sandbox.supervisor import Supervisor

_EMPTY = call_job("def f():\n    return None\n", "f", [], {})
_LIMITS = Limits(wall_seconds=10.0)
_CHILDREN = 200


def main(runs: int) -> None:
    """Print both tables."""
    costs = [_times_in_a_child() for _ in range(_CHILDREN)]
    for layer in LAYERS:
        print(f"{layer.name:16} {statistics.median(cost[layer.name] for cost in costs) * 1000:6.3f} ms")
    print(f"{'all of them':16} {statistics.median(sum(cost.values()) for cost in costs) * 1000:6.3f} ms")
    print(f"bare fork and exit: {bare_fork.median_seconds() * 1000:.2f} ms")
    for separate in (False, True):
        supervisor = Supervisor(RUNNER, separate=separate)
        taken = sorted(_once(supervisor) for _ in range(300))
        supervisor.close()
        # The tenth is what it takes while the machine does little else.
        tenth, middle, late = (taken[len(taken) * share // 100] * 1000 for share in (10, 50, 95))
        where = "with namespaces" if separate else "without namespaces"
        print(f"an empty function, {where:18} p10 {tenth:.2f}  p50 {middle:.2f}  p95 {late:.2f} ms")
    _memory(runs)


def _times_in_a_child() -> dict[str, float]:
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    cell = Cell(_LIMITS, os.getpid(), proc, Confinement(CODE_PROFILE, proc, separate=False), frozenset())
    output, far = os.pipe()
    pid = os.fork()
    if pid == 0:
        times = {}
        for layer in LAYERS:
            began = time.perf_counter()
            layer.apply(cell)
            times[layer.name] = time.perf_counter() - began
        os.write(far, json.dumps(times).encode())
        os._exit(0)
    os.close(far)
    os.close(proc)
    with open(output, "rb") as pipe:  # noqa: PTH123 - a descriptor
        times = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return times


def _memory(runs: int) -> None:
    supervisor = Supervisor(RUNNER)
    # All of it taken before: what grows is then the supervisor's.
    taken = array("d", bytes(8 * (runs + 1)))
    for number in range(runs + 1):
        if number == 0 or number % max(1, runs // 5) == 0:
            print(
                f"after {number:6} runs: supervisor {_rss(os.getpid())} KiB, zygote {_rss(supervisor.zygote_pid)} KiB"
            )
        taken[number] = _once(supervisor)
    supervisor.close()
    ranked = sorted(taken)
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
    places = {name: ranked[min(runs, int(runs * share))] * 1000 for name, share in shares.items()}
    print(f"{runs} runs, many zygotes: {', '.join(f'{name} {value:.2f} ms' for name, value in places.items())}")


def _once(supervisor: Supervisor) -> float:
    began = time.perf_counter()
    ending = supervisor.start(_EMPTY, _LIMITS, log=lambda _text: None).wait()
    if ending.result is None:
        raise RuntimeError(ending)
    return time.perf_counter() - began


def _rss(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines() if pid else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
