"""The reference for the sandbox: a child that does nothing, of a process with nothing in it. `python -m benchmarks.bare_fork`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time


def median_seconds() -> float:
    """How long a bare fork takes, from the call to the child's end, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bare_fork"]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout)


def _fork() -> float:
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(statistics.median(_fork() for _ in range(200)))
