"""Run all benchmarks and print one table. It measures and never fails on a time: 0 unless something did not work at all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import calls, idle, raw_celery, runs, sandbox
from benchmarks.stack import Stack
from benchmarks.table import Measurement, render

_LIMIT_SECONDS = 170


class _TooLongError(Exception):
    """The benchmarks take too long."""


def main() -> int:
    """Run them; what was measured within three minutes is printed."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_LIMIT_SECONDS)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; ratios say more than numbers", flush=True)
    found: list[Measurement] = []
    try:
        _run_all(found)
    except _TooLongError as error:
        print(error)
        return 1
    finally:
        signal.alarm(0)
        print(render(found))
    return 0


def _run_all(found: list[Measurement]) -> None:
    # Before grpc has threads: this one forks.
    found += sandbox.measure()
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory, Stack(Path(directory)) as stack:
        found += idle.measure(stack)
        celery = raw_celery.measure(str(stack.broker_socket))
        found += asyncio.run(calls.measure(stack))
        found += asyncio.run(runs.measure(stack, celery))


def _too_long(*_: object) -> None:
    message = f"stopped after {_LIMIT_SECONDS} s; what is missing below was not measured"
    raise _TooLongError(message)


if __name__ == "__main__":
    sys.exit(main())
