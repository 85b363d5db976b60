"""What tracking costs whoever publishes: `delay()` of a tracked Celery app against the same untracked, in turns in one process.

Calls come at a pace that the service keeps up with, since all of it shares this machine's cores; the time between them is
not counted, but what the recorder's thread takes from them is. It is measured with the service there, and with nobody at its
address.
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
_ROUNDS = 20
_CALLS = 150
_PAUSE = 0.003
_ARGUMENTS = {"order_id": 4711, "email": "somebody@example.com", "lines": [1, 2, 3], "password": "hunter2"}

_broker = f"redis+socket://{os.environ.get(_SOCKET, '')}?virtual_host={_DATABASE}"
app = Celery("benchmarks", broker=_broker, backend=_broker)


@app.task(name="benchmarks.order")  # type: ignore[untyped-decorator]
def order(**_: object) -> None:
    """Never run: this is about publishing."""


def measure(stack: Stack) -> list[Measurement]:
    """Measure it, in processes of its own."""
    found = []
    with socket.socket() as nobody:
        # Bound, and never listening: who calls here is refused.
        nobody.bind(("127.0.0.1", 0))
        for service, address in (("there", stack.grpc_address), ("away", f"127.0.0.1:{nobody.getsockname()[1]}")):
            environment = os.environ | {
                _SOCKET: str(stack.broker_socket),
                "TASK_MANAGER_ADDRESS": address,
                "TASK_MANAGER_TOKEN": stack.token,
            }
            asked = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "benchmarks.publishing", "rounds"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=True,
                timeout=120,
            )
            plain, tracked, slow_plain, slow, cpu_plain, cpu = map(float, asked.stdout.split())
            found.append(
                Measurement(
                    what=f"delay() of a tracked app, service {service}",
                    measured=tracked * 1e6,
                    unit="us",
                    reference=plain * 1e6,
                    reference_is="us untracked",
                    goal=Goal(bound=1.1, of_ratio=True),
                    note=f"9 of 10 within {slow * 1e6:,.0f} us, untracked {slow_plain * 1e6:,.0f}; "
                    f"CPU of the process, all told, {cpu * 1e6:,.0f} us, untracked {cpu_plain * 1e6:,.0f}",
                )
            )
    return found


def _rounds() -> list[float]:
    """Untracked and tracked each: seconds of a call, within how many nine of ten calls are, and processor seconds a call."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    calls: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    _round()
    for number in range(_ROUNDS):
        for is_tracked in (number % 2 == 0, number % 2 == 1):
            if is_tracked:
                track(app)
            before = time.process_time()
            taken = _round()
            untrack(app)
            # The next round is not to pay for this one.
            default_recorder().flush(1.0 if is_tracked else 0.0)
            cpu[is_tracked].append((time.process_time() - before) / _CALLS)
            calls[is_tracked] += taken
            seconds[is_tracked].append(statistics.mean(taken))
    app.control.purge()
    plain = statistics.median(seconds[False])
    ratio = statistics.median(tracked / each for each, tracked in zip(seconds[False], seconds[True], strict=True))
    slow = [statistics.quantiles(calls[each], n=10)[8] for each in (False, True)]
    return [plain, plain * ratio, *slow, *(statistics.median(cpu[each]) for each in (False, True))]


def _round() -> list[float]:
    taken = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        order.delay(**_ARGUMENTS)
        taken.append(time.perf_counter() - began)
        time.sleep(_PAUSE)
    return taken


if __name__ == "__main__":
    if sys.argv[1:] == ["rounds"]:
        print(*_rounds())
    else:
        with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory, Stack(Path(directory)) as running:
            print(render(measure(running)))
