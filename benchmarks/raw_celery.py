"""The reference for running work: Celery as its users run it, one task that does nothing, results in the same broker.

Everything of it is Celery's default but the broker, which is the stack's own: another of its databases.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from celery import Celery
from celery.result import ResultSet

_SOCKET = "BENCHMARKS_BROKER_SOCKET"
_DATABASE = 9

_socket = os.environ.get(_SOCKET, "")
app = Celery(
    "benchmarks",
    broker=f"redis+socket://{_socket}?virtual_host={_DATABASE}",
    backend=f"redis+socket://{_socket}?virtual_host={_DATABASE}",
)
app.conf.broker_connection_retry_on_startup = True


@app.task(name="benchmarks.noop")  # type: ignore[untyped-decorator]
def noop() -> int:
    """Do nothing."""
    return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What it does here and now."""

    publishes_per_second: float
    tasks_per_second: float
    round_trip_seconds: float


def measure(socket: str) -> Speed:
    """Measure it in processes of its own, against the broker on that Unix socket."""
    environment = os.environ | {_SOCKET: socket}
    with _worker(environment):
        asked = subprocess.run(
            [sys.executable, "-m", "benchmarks.raw_celery"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=90,
        )
    publishes, tasks, round_trip = map(float, asked.stdout.split())
    return Speed(publishes_per_second=publishes, tasks_per_second=tasks, round_trip_seconds=round_trip)


@contextlib.contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "benchmarks.raw_celery", "worker"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _speed(count: int = 2000, round_trips: int = 200) -> tuple[float, float, float]:
    """Publishes per second, tasks per second, and the median round trip in seconds."""
    noop.delay().get(timeout=30)  # the worker is there
    began = time.perf_counter()
    results = [noop.delay() for _ in range(count)]
    published = time.perf_counter() - began
    ResultSet(results).join_native(timeout=60)
    ended = time.perf_counter() - began
    times = []
    for _ in range(round_trips):
        began = time.perf_counter()
        noop.delay().get(timeout=30, interval=0.001)
        times.append(time.perf_counter() - began)
    return count / published, count / ended, statistics.median(times)


if __name__ == "__main__":
    print(*_speed())
