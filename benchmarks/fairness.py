"""How long one owner's runs wait while another one floods the queue: the whole service, on loopback, once without and once with it.

A wait is from the creation to the start of the run, both by the server's clock.

Alone: `python -m benchmarks.fairness`
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.service import Service
from benchmarks.stack import Stack
from benchmarks.table import Goal, Measurement, render
from task_manager import TaskClient

_FLOOD = 2_000
#: How many runs of the flood are created at once.
_CREATORS = 32
#: From one run of the other owner to the next, in seconds, and how many there are.
_EVERY, _RUNS = 0.1, 60
_END_SECONDS = 120.0


async def _waits(stack: Stack, bearer: str) -> list[float]:
    """Create a run each 100 ms; how long each waited, in seconds."""
    service = Service(stack, bearer=bearer)
    ids = []
    for _ in range(_RUNS):
        began = time.monotonic()
        ids.append((await service.create("single")).task_id)
        await asyncio.sleep(max(0.0, began + _EVERY - time.monotonic()))
    waits = [await _wait(service, task_id) for task_id in ids]
    await service.close()
    return waits


async def _wait(service: Service, task_id: str) -> float:
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        run = (await service.get(task_id)).last_execution
        if run.HasField("started_at"):
            return (run.started_at.ToNanoseconds() - run.created_at.ToNanoseconds()) / 1e9
        await asyncio.sleep(0.05)
    message = f"a run has not begun within {_END_SECONDS:g} s"
    raise RuntimeError(message)


async def _flood(stack: Stack, bearer: str) -> list[str]:
    """Create 2,000 runs as fast as the server takes them; the ids of their tasks."""
    service = Service(stack, bearer=bearer)
    places = asyncio.Semaphore(_CREATORS)

    async def create() -> str:
        async with places:
            return (await service.create("flood")).task_id

    ids = await asyncio.gather(*(create() for _ in range(_FLOOD)))
    await service.close()
    return ids


async def _beside_a_flood(stack: Stack, flooding: str, single: str) -> tuple[list[float], list[float]]:
    """The waits of the single runs, and of the first, the middle and the last of the flood."""
    flood = asyncio.create_task(_flood(stack, flooding))
    await asyncio.sleep(1.0)  # until there is a backlog
    waits = await _waits(stack, single)
    ids = await flood
    service = Service(stack, bearer=flooding)
    of_flood = [await _wait(service, task_id) for task_id in (ids[0], ids[_FLOOD // 2], ids[-1])]
    await service.close()
    return waits, of_flood


def _rows(what: str, waits: list[float], alone: list[float] | None = None, note: str = "") -> list[Measurement]:
    found = []
    for name, part in (("p50", 49), ("p99", 98)):
        measured = statistics.quantiles(waits, n=100, method="inclusive")[part]
        reference = statistics.quantiles(alone, n=100, method="inclusive")[part] if alone else None
        found.append(
            Measurement(
                what=f"wait of a run each 100 ms, {what}, {name}",
                measured=measured * 1000,
                unit="ms",
                reference=reference * 1000 if reference else None,
                reference_is="ms alone" if reference else "",
                goal=Goal(bound=1000) if alone and name == "p50" else None,
                note=note,
            )
        )
    return found


def main() -> int:
    """Measure and print; 1 when the goal is not met."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as directory, Stack(Path(directory)) as stack:
        with TaskClient(stack.grpc_address, token=stack.token) as admin:
            flooding, single = (admin.create_token(name, "editor").key for name in ("flooding", "single"))
        alone = asyncio.run(_waits(stack, single))
        waits, of_flood = asyncio.run(_beside_a_flood(stack, flooding, single))
    note = f"of the flood's own {_FLOOD:,}: {', '.join(f'{wait:.1f} s' for wait in of_flood)}"
    found = [*_rows("alone", alone), *_rows("beside a flood", waits, alone, note)]
    print(render(found))
    return 0 if all(measurement.is_met is not False for measurement in found) else 1


if __name__ == "__main__":
    sys.exit(main())
