"""What tracking costs whoever publishes: `delay()` of a tracked Celery app against the same untracked, in turns in one process.

Paced calls come as the service keeps up with them, since all of it shares this machine's cores; the time between them is
not counted, but what the recorder's thread takes from them is. Flat out they come one after the other, so that thread has the
interpreter only when it takes it from them. Both are measured with the service there, and with nobody at its address.
`python -m benchmarks.publishing` measures it alone.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from celery import Celery

from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement, render
from task_manager.celery import track, untrack
from task_manager.recorder import default_recorder

_SOCKET = "BENCHMARKS_BROKER_SOCKET"
_DATABASE = 8
#: By pace: rounds, calls in each, and seconds between them. Flat out a round must outlast what reports wait for one another.
_PACES = {"paced": (20, 150, 0.003), "flat out": (12, 2000, 0.0)}
_FLUSH_SECONDS = 2.0
_ARGUMENTS = {"order_id": 4711, "email": "somebody@example.com", "lines": [1, 2, 3], "password": "hunter2"}

_broker = f"redis+socket://{os.environ.get(_SOCKET, '')}?virtual_host={_DATABASE}"
app = Celery("benchmarks", broker=_broker, backend=_broker)


@app.task(name="benchmarks.order")  # type: ignore[untyped-decorator]
def order(**_: object) -> None:
    """Never run: this is about publishing."""


def measure(stack: Stack) -> list[Measurement]:
    """Measure it, in processes of its own."""
    with socket.socket() as nobody:
        # Bound, and never listening: who calls here is refused.
        nobody.bind(("127.0.0.1", 0))
        services = {"there": stack.grpc_address, "away": f"127.0.0.1:{nobody.getsockname()[1]}"}
        return [_measured(stack, pace, service, address) for pace in _PACES for service, address in services.items()]


def _measured(stack: Stack, pace: str, service: str, address: str) -> Measurement:
    environment = os.environ | {
        _SOCKET: str(stack.broker_socket),
        "TASK_MANAGER_ADDRESS": address,
        "TASK_MANAGER_TOKEN": stack.token,
    }
    asked = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.publishing", pace],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        timeout=120,
    )
    plain, tracked, slow_plain, slow, cpu_plain, cpu = map(float, asked.stdout.split())
    return Measurement(
        what=f"delay() of a tracked app, {pace}, service {service}",
        measured=tracked * 1e6,
        unit="us",
        reference=plain * 1e6,
        reference_is="us untracked",
        goal=Goal(bound=1.1, of_ratio=True),
        note=f"9 of 10 within {slow * 1e6:,.0f} us, untracked {slow_plain * 1e6:,.0f}; "
        f"CPU of the process, all told, {cpu * 1e6:,.0f} us, untracked {cpu_plain * 1e6:,.0f}",
    )


def _rounds(pace: str) -> list[float]:
    """Untracked and tracked each: seconds of a call, within how many nine of ten calls are, and processor seconds a call."""
    rounds, calls_of_round, pause = _PACES[pace]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    calls: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    _round(calls_of_round, pause)
    for number in range(rounds):
        for is_tracked in (number % 2 == 0, number % 2 == 1):
            if is_tracked:
                track(app)
            before = time.process_time()
            taken = _round(calls_of_round, pause)
            untrack(app)
            # The next round is not to pay for this one.
            default_recorder().flush(_FLUSH_SECONDS if is_tracked else 0.0)
            cpu[is_tracked].append((time.process_time() - before) / calls_of_round)
            calls[is_tracked] += taken
            seconds[is_tracked].append(statistics.mean(taken))
    app.control.purge()
    plain = statistics.median(seconds[False])
    ratio = statistics.median(tracked / each for each, tracked in zip(seconds[False], seconds[True], strict=True))
    slow = [statistics.quantiles(calls[each], n=10)[8] for each in (False, True)]
    return [plain, plain * ratio, *slow, *(statistics.median(cpu[each]) for each in (False, True))]


def _round(calls: int, pause: float) -> list[float]:
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        order.delay(**_ARGUMENTS)
        taken.append(time.perf_counter() - began)
        if pause:
            time.sleep(pause)
    return taken


if __name__ == "__main__":
    if sys.argv[1:]:
        print(*_rounds(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory, Stack(Path(directory)) as running:
            print(render(measure(running)))
